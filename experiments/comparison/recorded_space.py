"""The search space that records are of, if it is there and still what it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robustnas.spaces import DEFAULT_SPACE, EnumerableSpace, find_space, recorded_name

DIGESTS = "space_digests"
"""The field of records with the digests of a space that users may change."""


def space_facts(space: EnumerableSpace[Any]) -> dict[str, Any]:
    """Return what records say of a space."""
    digests = dict(space.digests)
    return {"space": recorded_name(space), **({DIGESTS: digests} if digests else {})}


def name_of_space(manifest: Mapping[str, Any]) -> str:
    """Return what records call their space."""
    return str(manifest.get("space") or DEFAULT_SPACE)


def recorded_space(manifest: Mapping[str, Any]) -> EnumerableSpace[Any] | None:
    """Return the space of records; None if it is not there, or has other choices by now, so other indices."""
    found = find_space(name_of_space(manifest))
    then = (manifest.get(DIGESTS) or {}).get("choices")
    return None if found is None or found.digests.get("choices") != then else found
