"""RobustNAS: neural architecture search on robust objectives.

>>> import robustnas
>>> cell = robustnas.Cell.parse("#13433")
>>> robustnas.space.uid(cell)
13433
"""

from robustnas.errors import RobustNASError
from robustnas.metric import Metric
from robustnas.objectives.objective import Objective
from robustnas.oracle import Oracle, Outcome
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.operations import Operation
from robustnas.tables.database.database import Database

__all__ = ["Cell", "Database", "Metric", "Objective", "Operation", "Oracle", "Outcome", "RobustNASError", "space"]
__version__ = "0.2.0"
