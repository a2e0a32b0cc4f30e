"""Tables: numbers over a search space, and datasets by name.

>>> from robustnas.tables import open_table
>>> table = open_table("cifar10-surrogate")
>>> table.space.name, len(table.metrics)
('nasbench201', 108)
"""

from robustnas.tables.array_table import ArrayTable
from robustnas.tables.database.database import Database
from robustnas.tables.datasets import DATASETS, open_table
from robustnas.tables.function_table import function_table
from robustnas.tables.growing_table import GrowingTable
from robustnas.tables.noise import noise_floor
from robustnas.tables.table import Table

__all__ = ["DATASETS", "ArrayTable", "Database", "GrowingTable", "Table", "function_table", "noise_floor", "open_table"]
