"""RobustNAS: neural architecture search on robust objectives.

>>> import robustnas
>>> cell = robustnas.Cell.parse("#13433")
>>> robustnas.space.uid(cell)
13433
"""

from robustnas import space
from robustnas.cell import Cell, Operation
from robustnas.database import Database
from robustnas.errors import RobustNASError
from robustnas.metric import Metric
from robustnas.objective import Objective
from robustnas.oracle import Oracle, Outcome

__all__ = ["Cell", "Database", "Metric", "Objective", "Operation", "Oracle", "Outcome", "RobustNASError", "space"]
__version__ = "0.1.0"
