"""How long a space of choices takes to be enumerated, and how much memory: ``python benchmarks/spaces.py [EXPONENT]``.

The space has EXPONENT choices (6) of ten options, a `valid` and a `canonical`. Seconds are those of the processor.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from time import process_time

from robustnas.spaces import ChoiceArchitecture, ChoiceSpace, encoding


class Decimal(ChoiceSpace):
    """Numbers of as many digits."""

    choices = {f"digit{place}": tuple(range(10)) for place in range(int(sys.argv[1]) if len(sys.argv) > 1 else 6)}  # noqa: RUF012

    def valid(self, architecture: ChoiceArchitecture) -> bool:
        """Return whether the first two digits differ."""
        return bool(architecture.digit0 != architecture.digit1)

    def canonical(self, architecture: ChoiceArchitecture) -> ChoiceArchitecture:
        """Return the number, its second digit 0 if the third is."""
        return architecture.replaced(digit1=0) if architecture.digit2 == 0 and architecture.digit0 else architecture


def timed(name: str, work: Callable[[], object]) -> None:
    start = process_time()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:<12} {process_time() - start:7.2f} s, {peak:5.2f} GiB at most so far")


if __name__ == "__main__":
    space = Decimal()
    timed("valid", space.members)
    timed("canonical", space.network_of_index)
    timed("lists", space.canonical_list)
    timed("codes", space.codes)
    timed("encoding", lambda: encoding("choices", space=space))
    timed("neighbours", lambda: [space.neighbour_lists()[index] for index in space.members()[:1000].tolist()])
    print(space)
