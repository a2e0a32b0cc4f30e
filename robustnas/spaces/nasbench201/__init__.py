"""NAS-Bench-201: cells of six edges with one of five operations each, and the networks built from them."""

from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import SKELETONS, Skeleton
from robustnas.spaces.nasbench201.nasbench201 import NASBENCH201, NASBench201
from robustnas.spaces.nasbench201.operations import Operation

__all__ = ["NASBENCH201", "SKELETONS", "Cell", "NASBench201", "Operation", "Skeleton"]
