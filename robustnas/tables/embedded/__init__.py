"""The embedded benchmark: a surrogate of the robustness database that is small enough to ship.

It predicts; it does not measure. Every record and report made with it says ``surrogate``. How true it is to the
database, and where it is not, docs/embedded-benchmark.md says.

>>> table = SurrogateTable()
>>> table.dataset, table.source, len(table.metrics)
('cifar10-surrogate', 'surrogate', 108)
"""

from robustnas.tables.embedded.table import MODELS, SurrogateTable, open_surrogate, surrogate_names

__all__ = ["MODELS", "SurrogateTable", "open_surrogate", "surrogate_names"]
