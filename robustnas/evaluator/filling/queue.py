"""The queue of a fill: which networks lack numbers, who is measuring them, and how that ended."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container, Mapping

from robustnas.measurements import NetworkKey

_MOST_DEATHS = 2  # of workers at one network


class FillQueue:
    """The networks of a fill, each to be measured, held by others, being measured here, failed, or done.

    Args:
        missing: How many numbers each network lacks, at least 1, in the order in which to measure.
        start: The position in that order to begin at: runs on different machines begin at different ones.

    Attributes:
        n_total: Numbers that were missing at first.
        n_missing: How many numbers each network lacks now; those that lack none are gone.
        held: Networks that others have claimed, and whether that was a worker of ours that died.
        running: Networks that are measured here.
        failed: Networks that cannot be measured, with the reason.
        n_measured: Numbers measured here.
        n_by_others: Numbers that others measured meanwhile.

    >>> from robustnas import Cell
    >>> from robustnas.spaces.nasbench201 import space
    >>> cells = [space.canonical(Cell.parse(f"#{number}")) for number in (1, 2)]
    >>> a, b = (NetworkKey(cell.arch, "digits", "0" * 64, "c0ffee00", 0) for cell in cells)
    >>> queue = FillQueue({a: 1, b: 2}, start=1)
    >>> queue.take() == b
    True
    >>> queue.recorded(b)
    >>> queue.finished(b)
    >>> queue.n_measured, queue.n_by_others, queue.n_left
    (1, 1, 1)
    """

    def __init__(self, missing: Mapping[NetworkKey, int], start: int = 0) -> None:
        self.n_missing = dict(missing)
        self.n_total = sum(self.n_missing.values())
        self.held: dict[NetworkKey, bool] = {}
        self.running: set[NetworkKey] = set()
        self.failed: dict[NetworkKey, str] = {}
        self.n_measured = self.n_by_others = 0
        self._todo = deque(self.n_missing)
        self._todo.rotate(-start)
        self._deaths = Counter[NetworkKey]()

    @property
    def n_left(self) -> int:
        """How many numbers are missing now."""
        return sum(self.n_missing.values())

    @property
    def has_next(self) -> bool:
        """Whether `take` has a network to return."""
        return bool(self._todo)

    @property
    def waiting(self) -> list[NetworkKey]:
        """The networks that are not running here: to be measured, or held by others."""
        return [*self._todo, *self.held]

    def is_over(self, *, wait: bool) -> bool:
        """Return whether there is nothing to do any more.

        Args:
            wait: Whether to wait for what others hold; claims of our own dead workers are waited for in any case.
        """
        return not (self._todo or self.running or (self.held if wait else any(self.held.values())))

    def take(self) -> NetworkKey:
        """Return the next network to measure, which counts as running."""
        network = self._todo.popleft()
        self.running.add(network)
        return network

    def recorded(self, network: NetworkKey) -> None:
        """Count a number that was measured here."""
        self.n_measured += 1
        self.n_missing[network] -= 1

    def finished(self, network: NetworkKey) -> None:
        """Note that a running network lacks nothing any more."""
        self.running.discard(network)
        self.n_by_others += self.n_missing.pop(network)

    def hold(self, network: NetworkKey) -> None:
        """Set a network aside that another worker has claimed."""
        self.running.discard(network)
        self.held[network] = False

    def fail(self, network: NetworkKey, reason: str) -> None:
        """Give up on a network."""
        self.running.discard(network)
        self.failed[network] = reason

    def died(self, network: NetworkKey, reason: str) -> None:
        """Set a network aside whose worker died: its claim has to expire. After the second time, give up on it."""
        self._deaths[network] += 1
        if self._deaths[network] >= _MOST_DEATHS:
            self.fail(network, f"its worker process died {_MOST_DEATHS} times, {reason}")
        else:
            self.hold(network)
            self.held[network] = True

    def update(self, counts: Mapping[NetworkKey, int], claimed: Container[NetworkKey]) -> None:
        """Note what others did.

        Args:
            counts: How many numbers some networks lack now; those that are not `waiting` are left unchanged.
            claimed: The networks that are claimed; those held before and free now are to be measured again.
        """
        for network in self.waiting:
            if network in counts:
                self.n_by_others += self.n_missing[network] - counts[network]
                self.n_missing[network] = counts[network]
                if not counts[network]:
                    del self.n_missing[network]
        freed = [network for network in self.held if network in self.n_missing and network not in claimed]
        self.held = {
            network: ours for network, ours in self.held.items() if network in self.n_missing and network in claimed
        }
        self._todo = deque(network for network in [*self._todo, *freed] if network in self.n_missing)
