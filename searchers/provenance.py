"""What the outcomes of a search are about: which objectives, on which numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Provenance:
    """What the outcomes that a searcher is told are about; a searcher that keeps them keeps this beside them.

    Two searches may share what is kept only if their provenances are equal, labels aside.

    Attributes:
        label: What tells the search apart for people: dataset, objectives, searcher, seed.
        objectives: The objectives' names, in the order of the utilities.
        minimised: Whether each is minimised, so that its utilities are negated scores.
        constraints: The constraints' names, in the order of the slacks.
        facts: Whatever else the numbers depend on, as plain data: dataset, digests, where the numbers come from.
    """

    label: str
    objectives: tuple[str, ...]
    minimised: tuple[bool, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
