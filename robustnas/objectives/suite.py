"""A suite of problems of several objectives, by name: ``rob201-mop1`` to ``rob201-mop8``.

A name stands wherever objectives are written (``rob201-mop1 where params <= 500000`` too), and records carry it. What
it stands for never changes: another problem gets another name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from robustnas.errors import ObjectiveError, unknown_name

_NAME = re.compile(r"rob201-mop\w*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of the suite.

    Attributes:
        objectives: Its objectives, in the grammar of `robustnas.objectives`.
        why: What makes it different from the others.
    """

    objectives: str
    why: str


SUITE: dict[str, Problem] = {
    "rob201-mop1": Problem("clean, pgd@1", "accuracy against an iterative attack; few networks on the front"),
    "rob201-mop2": Problem("clean, apgd@1, params", "accuracy and a strong attack against size: a large front"),
    "rob201-mop3": Problem("clean, corruption, hw.edgegpu_latency", "accuracy and corruptions against latency"),
    "rob201-mop4": Problem("square@1, corruption", "a black-box attack against natural corruptions"),
    "rob201-mop5": Problem(
        "corruption:gaussian_noise, corruption:fog, flops",
        "corruptions of high and of low frequency against operations",
    ),
    "rob201-mop6": Problem("clean, adversarial@1, corruption", "accuracy, attacks and corruptions, without a cost"),
    "rob201-mop7": Problem("apgd@1, square@1, corruption", "three threat models that disagree, without clean accuracy"),
    "rob201-mop8": Problem("clean, apgd@1, corruption, params", "four objectives; a front of more than 200 networks"),
}
"""The problems by name."""


def suite_name(text: str) -> str:
    """Return the name of the suite that a text begins with; empty if it begins with none.

    Raises:
        ObjectiveError: It begins with a name that the suite does not have.

    >>> suite_name("rob201-mop1 where params <= 5e5"), suite_name("clean, pgd@1")
    ('rob201-mop1', '')
    """
    match = _NAME.match(text.strip())
    if match is None:
        return ""
    if match[0] not in SUITE:
        raise ObjectiveError(unknown_name("problem", match[0], SUITE))
    return match[0]


def expanded(text: str) -> str:
    """Return a text with the objectives of a problem instead of its name, a where-clause kept.

    Raises:
        ObjectiveError: The name is unknown, or something else than a where-clause follows.

    >>> expanded("rob201-mop1 where params <= 5e5")
    'clean, pgd@1 where params <= 5e5'
    """
    name = suite_name(text)
    if not name:
        return text
    rest = text.strip()[len(name) :].strip()
    if rest and not rest.startswith("where "):
        raise ObjectiveError(
            f"{text.strip()!r}: {name} stands for {SUITE[name].objectives!r}, and only a where-clause may follow; "
            "to search for more, write the objectives out"
        )
    return f"{SUITE[name].objectives} {rest}".strip()
