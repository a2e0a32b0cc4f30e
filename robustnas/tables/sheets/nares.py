"""The JSON lines of NARes: adversarially trained wide residual networks, one object a line.

Field names are those that NARes' own reader takes. A network has one training, and a test of its best epoch::

    {"arch_id": 1, "arch": {"D1": 4, "W1": 8, ...}, "MACs": ..., "Params": ...,
     "train": [{"best_epoch": 70, "val_acc": [...], "pgd": [...], "cw": [...], ...}],
     "test_best": [{"test_clean_acc": ..., "Linf_fgsm_acc": ..., "Linf_pgd_acc": ..., "Linf_cw_acc": ...,
                    "Linf_aa_acc": ..., "corruptions": {"fog": {"1": {"acc": ..., "loss": ...}, ...}, ...}}]}

Accuracies are those of the best epoch by validation, attacks at eps 8/255. Of several trainings they are the mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from robustnas.metric import CORRUPTIONS

NOTE = "read as NARes: accuracies of networks trained adversarially, at the epoch that was best in validation"

_CHOICES = {f"{kind[0].upper()}{stage}": f"{kind}{stage}" for stage in (1, 2, 3) for kind in ("depth", "width")}
_TESTED = {
    "test_clean_acc": "clean",
    "Linf_fgsm_acc": "fgsm@8",
    "Linf_pgd_acc": "pgd@8",
    "Linf_aa_acc": "autoattack@8",
    "Linf_cw_acc": "cw_8",
}
_VALIDATED = {"val_acc": "val_clean", "pgd": "val_pgd", "cw": "val_cw"}
_ABOVE_SHARES = 1.5  # of accuracies in percent


def is_nares(row: object) -> bool:
    """Return whether an object is a line of NARes."""
    if not isinstance(row, Mapping) or not {"arch", "train", "test_best"} <= row.keys():
        return False
    return isinstance(row["arch"], Mapping) and set(row["arch"]) == set(_CHOICES)


def nares_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return lines of NARes as plain rows: choices, and accuracies from 0 to 1; None where a line has none."""
    found = [_accuracies(row) for row in rows]
    known = [value for accuracies in found for value in accuracies.values()]
    scale = 100.0 if max(known, default=0.0) > _ABOVE_SHARES else 1.0
    names = dict.fromkeys(name for accuracies in found for name in accuracies)
    shares = ({name: value / scale for name, value in accuracies.items()} for accuracies in found)
    return [
        {_CHOICES[key]: option for key, option in row["arch"].items()} | {name: share.get(name) for name in names}
        for row, share in zip(rows, shares, strict=True)
    ]


def _accuracies(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the accuracies of a line by metric: means of its trainings."""
    values: dict[str, list[float]] = {}
    for name, value in (*_tested(row["test_best"]), *_validated(row["train"])):
        if isinstance(value, int | float) and not isinstance(value, bool):
            values.setdefault(name, []).append(float(value))
    return {name: sum(each) / len(each) for name, each in values.items()}


def _tested(records: object) -> Iterator[tuple[str, Any]]:
    for record in _objects(records):
        yield from ((name, record.get(field)) for field, name in _TESTED.items())
        corruptions = record.get("corruptions")
        for corruption, levels in corruptions.items() if isinstance(corruptions, Mapping) else ():
            if corruption in CORRUPTIONS and isinstance(levels, Mapping):
                for severity, measured in levels.items():
                    value = measured.get("acc") if isinstance(measured, Mapping) else None
                    yield f"corruption:{corruption}@{severity}", value


def _validated(records: object) -> Iterator[tuple[str, Any]]:
    for record in _objects(records):
        epoch = record.get("best_epoch")
        for field, name in _VALIDATED.items():
            history = record.get(field)
            if isinstance(epoch, int) and isinstance(history, list) and 0 <= epoch < len(history):
                yield name, history[epoch]


def _objects(records: object) -> list[Mapping[str, Any]]:
    return [record for record in records if isinstance(record, Mapping)] if isinstance(records, list) else []
