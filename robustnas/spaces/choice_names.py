"""Names that say which choice of an architecture they are about."""

from __future__ import annotations

import re
from collections.abc import Sequence


def order_of_choices(names: Sequence[object], choices: Sequence[str]) -> list[int] | None:
    """Return the place of each choice's name among some names; None if these are not names of the choices.

    They are equal to those of the choices, or end in the same numbers. Where the choices are edges, named by two nodes
    each, the nodes may be in either order, and be counted from 0 or from 1.

    >>> order_of_choices(["1<-0", "2<-0", "3<-0", "2<-1"], ["0->1", "0->2", "1->2", "0->3"])
    [0, 1, 3, 2]
    """
    if len(names) != len(choices):
        return None
    texts = [str(name) for name in names]
    if set(texts) == set(choices):
        return [texts.index(choice) for choice in choices]
    wanted = [_numbers(choice) for choice in choices]
    count = len(wanted[0])
    if count == 0 or any(len(numbers) != count for numbers in wanted) or len(set(wanted)) < len(wanted):
        return None
    found = [_numbers(text)[-count:] for text in texts]
    for start in (0, 1) if count == 2 else (0,):
        places = {_key(numbers, start): place for place, numbers in enumerate(found)}
        if set(places) == {_key(numbers) for numbers in wanted}:
            return [places[_key(numbers)] for numbers in wanted]
    return None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d{1,9}", text))


def _key(numbers: tuple[int, ...], start: int = 0) -> tuple[int, ...]:
    """Return numbers to compare: those of an edge in ascending order, counted from 0."""
    return tuple(sorted(number - start for number in numbers)) if len(numbers) == 2 else numbers
