"""The progress of a fill, by counts in the store: any process on any machine may watch it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from robustnas.measurements import ActiveClaim, MeasurementStore, NetworkKey, Run

_POLL = 1.0  # seconds between two looks at the store
_POLL_SHARE = 0.05  # of the time that may go into these looks


class Wanted(Protocol):
    """What a fill is to measure; `robustnas.evaluator.filling.gaps.Gaps` is one."""

    @property
    def networks(self) -> Sequence[NetworkKey]:
        """The networks."""

    def n_missing(self, store: MeasurementStore, networks: Sequence[NetworkKey]) -> Mapping[NetworkKey, int]:
        """Return how many numbers some networks lack; those that lack none are left out."""


class FillProgress:
    """How much of a fill is done, as of the last `look`.

    Args:
        gaps: What is wanted.
        store: Where numbers are kept.
        missing: How many numbers each network lacks at first.
        predicted: The seconds that each of these takes one worker, if that is known.

    Attributes:
        run: The run to watch; None for all runs, on whatever machines.
        n_total: Numbers that were missing at first.
        left: How many numbers each network lacks now; those that lack none are gone.
        failed: Networks that are given up, with the reasons.
        busy: The claims of these networks that are held now, by whomever, the oldest first.
    """

    def __init__(
        self,
        gaps: Wanted,
        store: MeasurementStore,
        missing: Mapping[NetworkKey, int],
        predicted: Mapping[NetworkKey, float] | None = None,
    ) -> None:
        self.gaps, self.store, self.left = gaps, store, dict(missing)
        self.run: Run | None = None
        self.n_total = sum(missing.values())
        self.failed: dict[NetworkKey, str] = {}
        self.busy: list[ActiveClaim] = []
        self._each = {network: predicted[network] / n for network, n in missing.items()} if predicted else {}
        self._total = self._work(self.left)
        self._began = self._next = time.monotonic()

    @property
    def n_left(self) -> int:
        """How many numbers are missing now."""
        return sum(self.left.values())

    @property
    def n_done(self) -> int:
        """How many numbers were measured since the begin, by whomever."""
        return self.n_total - self.n_left

    @property
    def is_over(self) -> bool:
        """Whether nothing is missing but for what cannot be measured."""
        return self.left.keys() <= self.failed.keys()

    @property
    def is_left_to_others(self) -> bool:
        """Whether workers of other runs hold all that is left."""
        held = {claim.network for claim in self.busy if self.run is None or claim.run != self.run.token}
        return held >= self.left.keys() - self.failed.keys()

    @property
    def n_waited_for(self) -> int:
        """How many networks are left where workers of other runs hold all of them; 0 otherwise."""
        return len(self.left) if self.run and not self.is_over and self.is_left_to_others else 0

    @property
    def seconds_left(self) -> float | None:
        """About how long the rest takes, by the pace so far; before there is one, by the prediction, if any."""
        left = self._work({network: n for network, n in self.left.items() if network not in self.failed})
        done = self._total - self._work(self.left)
        if done > 0:
            return left * (time.monotonic() - self._began) / done
        return left / max(len(self.busy), 1) if self._each else None

    def look(self, *, now: bool = False) -> bool:
        """Look into the store, and return whether it did: not too often, unless it has to be now.

        Raises:
            DataError: The store cannot be read.
        """
        began = time.monotonic()
        if began < self._next and not now:
            return False
        wanted = self.left.keys()
        self.busy = [claim for claim in self.store.active_claims() if claim.network in wanted]
        failed = self.run.failed() if self.run else self.store.given_up()
        self.failed = {network: failed[network] for network in wanted if network in failed}
        self.left = dict(self.gaps.n_missing(self.store, list(self.left)))
        ended = time.monotonic()
        self._next = ended + max(_POLL, (ended - began) / _POLL_SHARE)
        return True

    def _work(self, counts: Mapping[NetworkKey, int]) -> float:
        """Return how much work some missing numbers are: seconds if these are predicted, else numbers."""
        return sum(n * self._each.get(network, 1.0) for network, n in counts.items())
