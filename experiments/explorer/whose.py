"""Whose numbers a page shows: measurements and who made them, or predictions and of what model."""

from __future__ import annotations

from dataclasses import dataclass

from robustnas.objectives import training_of
from robustnas.spaces.nasbench201.cost import SKELETONS
from robustnas.tables.database.column_names import ROBBENCH, robbench_names
from robustnas.tables.datasets import is_surrogate
from robustnas.tables.table import MEASURED, Table

_DATABASE = (
    "S. Jung, J. Lukasik, M. Keuper, Neural Architecture Design and Robustness: A Dataset, ICLR 2023; "
    "networks of NAS-Bench-201 (X. Dong, Y. Yang, ICLR 2020)"
)
_ROBBENCH = (
    "Y. Wu, F. Liu, C.-J. Simon-Gabriel, G. Chrysos, V. Cevher, Robust NAS under Adversarial Training: Benchmark, "
    "Theory, and Beyond, ICLR 2024; networks of NAS-Bench-201 (X. Dong, Y. Yang, ICLR 2020)"
)


@dataclass(frozen=True, slots=True)
class Whose:
    """Where numbers come from.

    Attributes:
        word: What every view says of its numbers, such as ``predictions``.
        sentence: The same at length, with the source to cite.
        predicted: Whether a model made them.
    """

    word: str
    sentence: str
    predicted: bool


def whose(table: Table) -> Whose:
    """Return where the numbers of a table come from.

    >>> from robustnas.tables import open_table
    >>> whose(open_table("cifar10-surrogate")).word
    'predictions, not measurements'
    """
    name = table.dataset
    if is_surrogate(name):
        of = f"of the embedded benchmark {name}, a model of the robustness database"
        return Whose("predictions, not measurements", f"Predictions {of} (model of: {_DATABASE}).", True)
    if table.source == "table" and name in robbench_names():
        return Whose(
            "measurements", f"Measurements of NAS-RobBench-201 ({name.removeprefix(ROBBENCH)}): {_ROBBENCH}.", False
        )
    if table.source == "table" and name in SKELETONS:
        return Whose("measurements", f"Measurements of the robustness database ({name}): {_DATABASE}.", False)
    training = "".join(f", {text}" for text in training_of(table).values())
    if table.source in MEASURED:
        said = {
            "file": "Numbers of your own file",
            "table": "Numbers of the table",
            "measured": "Measurements made here",
        }
        return Whose("your own numbers", f"{said[table.source]}: {name}{training}.", False)
    return Whose(f"from “{table.source}”", f"Not measurements: numbers that come from “{table.source}” ({name}).", True)
