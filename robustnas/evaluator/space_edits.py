"""Search spaces that were edited between two runs: what was measured of the former networks is not that of the new."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from robustnas.errors import InvalidInputError, NotationError
from robustnas.measurements import MeasurementStore
from robustnas.spaces import EnumerableSpace, recorded_name

_MOST_TRIED = 1_000  # architectures of the former space


def check_unedited(space: EnumerableSpace[Any], store: MeasurementStore, *, as_new: bool = False) -> list[str]:
    """Refuse a space that was edited since networks of it were measured, and none of it as it is now.

    Args:
        space: The space.
        store: Where numbers are kept.
        as_new: Go on as with a new space.

    Returns:
        What the user should read: how many numbers are of former versions of the space, if any are.

    Raises:
        InvalidInputError: It was edited; says what of it, and what to do. A space that has grown is told apart.
        DataError: The store cannot be read.
    """
    if not space.digests:
        return []
    name, now = recorded_name(space), space_text(space.digests)
    former = store.space_versions(name)
    is_known, _ = now in former, former.pop(now, 0)
    if not former:
        return []
    numbers = f"{(n := sum(former.values())):,} {'number' if n == 1 else 'numbers'}"
    if is_known or as_new:
        return [f"the store has {numbers} of former versions of the space {name}, which are kept, and set aside"]
    last = list(former)[-1]
    if _has_grown(space, json.loads(last), store.archs(name, last, most=_MOST_TRIED)):
        raise InvalidInputError(
            f"the space {name} has grown since networks of it were measured ({numbers} in the store {store.location}): "
            "all of them are in it still, but its source may build others now; add --as-new to go on with it as a new "
            "space (what was measured is kept), or undo the edit"
        )
    differing = ", ".join(_differing(json.loads(last), space.digests))
    raise InvalidInputError(
        f"the space {name} was edited ({differing}) since networks of it were measured ({numbers} in the store "
        f"{store.location}): undo the edit to go on with these, or add --as-new to go on with it as a new space; what "
        "was measured is kept"
    )


def space_text(digests: Mapping[str, str]) -> str:
    """Return the digests of a space as measurements keep them."""
    return json.dumps(dict(digests), sort_keys=True)


def _differing(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return what of a space differs, in words."""
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    return [f"its {name} differ" if name == "choices" else f"{name} differs" for name in names]


def _has_grown(space: EnumerableSpace[Any], then: Mapping[str, str], archs: list[str]) -> bool:
    """Return whether a space has other choices, of which those measured are some."""
    if then.get("choices") == space.digests.get("choices"):
        return False
    try:
        return all(str(space.parse(arch)) == arch for arch in archs)
    except NotationError:
        return False
