"""The worklist of a run: each of its workers goes through the networks that lack something, claim by claim."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from hashlib import sha256

from robustnas.measurements.claims import Claim
from robustnas.measurements.measurement import NetworkKey
from robustnas.measurements.runs import Run, RunEndedError
from robustnas.measurements.store import DEFAULT_LEASE, MeasurementStore

_POLL, _POLL_BUSY = 1.0, 5.0  # seconds between two looks at all networks, when idle and when busy
_POLL_SHARE = 0.05  # of the time that may go into these looks
_MOST_LOST = 2  # workers at one network


class Worklist:
    """Networks to measure, shared with all other workers of a store; iterating over it claims one after the other.

    It ends when no network lacks anything, but for those that the run gave up on, or when the run ends. A claim is
    released by who takes it from here. A network whose worker died or made no progress comes again once its claim has
    expired; after the second time, the run gives up on it.

    Args:
        store: Where numbers are kept.
        run: The run that the worker belongs to.
        networks: All networks that may lack something, in any order.
        lacking: Returns those of some networks that lack something.
        worker: The name of the worker, unlike those of all others: they begin at different networks.
        lease: Seconds until a claim expires, unless it is renewed.
        wait: Whether to wait for networks that workers of other runs hold; those of this run's own workers are waited
            for in any case, as these may die.
    """

    def __init__(
        self,
        store: MeasurementStore,
        run: Run,
        networks: Sequence[NetworkKey],
        lacking: Callable[[Sequence[NetworkKey]], Sequence[NetworkKey]],
        *,
        worker: str,
        lease: float = DEFAULT_LEASE,
        wait: bool = True,
    ) -> None:
        start = int(sha256(worker.encode()).hexdigest(), 16) % max(len(networks), 1)
        self._left = [*networks[start:], *networks[:start]]
        self._store, self._run, self._lacking = store, run, lacking
        self._worker, self._lease, self._wait = worker, lease, wait
        self._taken: list[NetworkKey] = []
        self._look_seconds = 0.0

    def __iter__(self) -> Iterator[Claim]:
        try:
            while self._look():
                is_idle = yield from self._claims()
                if is_idle and not self._is_worth_waiting():
                    return
        except RunEndedError:
            return

    def _look(self) -> bool:
        """Look which networks lack something still; return whether any does."""
        began = time.monotonic()
        self._run.confirm()
        failed = self._run.failed()
        left = self._lacking([*self._left, *self._taken])
        self._left, self._taken = [network for network in left if network not in failed], []
        self._look_seconds = time.monotonic() - began
        return bool(self._left)

    def _claims(self) -> Generator[Claim, None, bool]:
        """Yield claims of free networks until it is time to look again; return whether all others are held."""
        soon = time.monotonic() + self._look_seconds / _POLL_SHARE
        until = max(soon, time.monotonic() + _POLL_BUSY)
        while self._left and time.monotonic() < until:
            claim = self._take()
            if claim is None:
                return True
            if self._is_lost_cause(claim):
                self._give_up(claim)
            elif self._is_wanted(claim):
                yield claim
            else:
                claim.release()
                until = soon  # others are done with what comes next, too
        return False

    def another(self) -> Claim | None:
        """Claim one more network, beside those taken from here that are at work still; None if none is free now.

        One that a worker died at comes by iteration only: what it does to the next is not to hit others beside it.

        Raises:
            RunEndedError: The run is over.
        """
        while self._left and (claim := self._take()) is not None:
            if claim.n_lost and not claim.is_given_up:
                self._put_back(claim)
                return None
            if self._is_wanted(claim):
                return claim
            claim.release()
        return None

    def _put_back(self, claim: Claim) -> None:
        claim.release()
        self._taken.remove(claim.network)
        self._left.insert(0, claim.network)

    def _take(self) -> Claim | None:
        claim = self._store.claim_first(self._left, worker=self._worker, lease=self._lease, run=self._run)
        if claim is not None:
            self._left.remove(claim.network)
            self._taken.append(claim.network)  # to be looked at again: who takes it may lose it
        return claim

    def _is_lost_cause(self, claim: Claim) -> bool:
        return claim.n_lost >= _MOST_LOST and not claim.is_given_up

    def _is_wanted(self, claim: Claim) -> bool:
        return not claim.is_given_up and bool(self._lacking([claim.network]))

    def _give_up(self, claim: Claim) -> None:
        with claim:
            lost = f"{claim.n_lost} workers in a row died at it, or made no progress for {self._lease:g} s"
            self._run.give_up(claim.network, lost)

    def _is_worth_waiting(self) -> bool:
        """Wait a moment for the networks that others hold; return False where these are to be left to them."""
        if not self._wait:
            held = {claim.network for claim in self._store.active_claims() if claim.run != self._run.token}
            if held.issuperset(self._left):
                return False
        time.sleep(max(_POLL, self._look_seconds / _POLL_SHARE))
        return True
