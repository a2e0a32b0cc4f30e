"""The embedded benchmark: surrogates of the robustness database that are small enough to ship, one per dataset.

They predict; they do not measure. Every record and report made with one says ``surrogate``. How true they are to
the database, and where they are not, docs/embedded-benchmark.md says.

>>> table = SurrogateTable()
>>> table.dataset, table.source, len(table.metrics)
('cifar10-surrogate', 'surrogate', 108)
"""

from robustnas.tables.embedded.table import MODELS, SurrogateTable, open_surrogate, surrogate_names, surrogate_of

__all__ = ["MODELS", "SurrogateTable", "open_surrogate", "surrogate_names", "surrogate_of"]
