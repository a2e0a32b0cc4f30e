"""Words that sentences of pages are made of."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them.

    >>> listed(["random", "local", "gp"]), listed(["gp"]), listed([])
    ('random, local and gp', 'gp', '')
    """
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def counted(n: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

    >>> counted(1, "seed"), counted(1200, "seed"), counted(2, "search", "searches")
    ('1 seed', '1,200 seeds', '2 searches')
    """
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"
