"""Whose numbers a page shows: measurements and who made them, or predictions and of what model."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
        word: What every view says of its numbers, such as ``predictions, not measurements``.
        sentence: The same at length, with the source to cite.
        measured: Whether they are measurements, as far as is known.
        predicted: Whether a model of ours made them.
    """

    word: str
    sentence: str
    measured: bool = True
    predicted: bool = False


def whose(table: Table) -> Whose:
    """Return where the numbers of a table come from.

    >>> from robustnas.tables import open_table
    >>> whose(open_table("cifar10-surrogate")).word
    'predictions, not measurements'
    """
    found = _whose(table)
    attached = sorted({name.partition(".")[0] for name in table.attached_columns()})
    more = f" Attached files of your own: {', '.join(attached)}." if attached else ""
    return replace(found, sentence=found.sentence + more)


def _whose(table: Table) -> Whose:
    name = table.dataset
    if is_surrogate(name):
        model = f"Predictions of the embedded benchmark {name}, a model of the robustness database ({_DATABASE})."
        return Whose("predictions, not measurements", model, measured=False, predicted=True)
    if table.source == "table" and name in robbench_names():
        of = f"NAS-RobBench-201 ({name.removeprefix(ROBBENCH)}): {_ROBBENCH}"
        return Whose("measurements", f"Measurements of {of}.")
    if table.source == "table" and name in SKELETONS:
        return Whose("measurements", f"Measurements of the robustness database ({name}): {_DATABASE}.")
    training = "".join(f", {text}" for text in training_of(table).values())
    if table.source in MEASURED:
        said = {"file": "Numbers of your own file", "table": "Numbers of a table", "measured": "Measurements made here"}
        return Whose("your own numbers", f"{said[table.source]}: {name}{training}.")
    unknown = f"Numbers that come from “{table.source}” ({name}{training}), which are not known to be measurements."
    return Whose(f"from “{table.source}”", unknown, measured=False)
