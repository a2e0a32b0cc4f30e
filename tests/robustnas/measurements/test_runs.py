from __future__ import annotations

import pickle
import time
from collections.abc import Sequence

import pytest

from robustnas.errors import InvalidInputError
from robustnas.measurements import Claim, ClaimLostError, MeasurementStore, NetworkKey, Run, RunEndedError, Worklist
from tests.robustnas.measurements.made_up import made_up_keys, made_up_measurement, made_up_networks

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

NETWORKS = made_up_networks(3)
NETWORK = NETWORKS[0]
VALUES = [made_up_measurement(key) for key in made_up_keys(NETWORK)]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robustnas.measurements.worklist._POLL", 0.02)


def elsewhere(store: MeasurementStore, run: Run) -> Run:
    """The run as its workers in other processes see it."""
    return store.run(run.token, "submitter:1", run.lease)


def expire(store: MeasurementStore, table: str = "claims") -> None:
    """Let an hour pass."""
    store._transactions.write(lambda c: c.exec_driver_sql(f"UPDATE {table} SET expires_at = expires_at - 3600"))


class TestRun:
    def test_its_workers_stop_when_it_ends(self, store: MeasurementStore) -> None:
        run = store.start_run()
        with store.claim(NETWORK, run=elsewhere(store, run)) as claim:
            assert claim.record(VALUES[:1]) == 1
            run.end()
            for call in (claim.renew, lambda: claim.record(VALUES)):
                with pytest.raises(RunEndedError, match="the run of submitter:1 is over; what was measured is kept"):
                    call()
            with pytest.raises(RunEndedError):
                store.claim(NETWORKS[1], run=elsewhere(store, run))
        assert store.active_claims() == []
        assert len(store) == 1

    def test_they_stop_when_its_submitter_is_gone(self, store: MeasurementStore) -> None:
        run = store.start_run()
        with store.claim(NETWORK, run=elsewhere(store, run)) as claim:
            expire(store, "runs")
            with pytest.raises(RunEndedError):
                claim.renew()
            run.renew()  # it was only asleep
            claim.renew()

    def test_workers_in_the_submitting_process_renew_it(self, store: MeasurementStore) -> None:
        run = store.start_run()
        with store.claim(NETWORK, run=run) as claim:
            expire(store, "runs")
            claim.renew()
            elsewhere(store, run).confirm()
            run.end()
            with pytest.raises(RunEndedError):
                claim.renew()

    def test_what_it_recorded_is_counted(self, store: MeasurementStore) -> None:
        run, other = store.start_run(), store.start_run()
        with store.claim(NETWORK, run=run) as claim:
            claim.record(VALUES[:2])
            claim.record(VALUES[:3])
        with store.claim(NETWORK) as claim:
            claim.record(VALUES[3])
        with store.claim(NETWORK, run=other) as claim:
            claim.record(VALUES[4])
        with store.claim(NETWORK, run=run) as claim:
            claim.record(VALUES)
        assert (run.n_recorded(), other.n_recorded()) == (3, 1)
        assert store.measurements() == VALUES

    def test_it_gives_up_on_networks_for_itself_alone(self, store: MeasurementStore) -> None:
        run, other = store.start_run(), store.start_run()
        with store.claim(NETWORK, run=run):
            run.give_up(NETWORK, "its loss is NaN")
        assert run.failed() == store.given_up() == {NETWORK: "its loss is NaN"}
        assert other.failed() == {}
        run.end()
        assert run.failed() == store.given_up() == {}

    def test_those_whose_submitters_are_gone_are_forgotten(self, store: MeasurementStore) -> None:
        run = store.start_run()
        with store.claim(NETWORK, run=run):
            run.give_up(NETWORK, "its loss is NaN")
        expire(store, "runs")
        assert store.given_up() == {}
        assert run.failed()
        store.start_run()
        assert run.failed() == {}

    def test_lost_workers_are_counted_by_network_and_run(self, store: MeasurementStore) -> None:
        run, other = store.start_run(), store.start_run()

        def lose(run: Run | None) -> int:
            claim = store.claim(NETWORK, run=run)
            assert claim
            expire(store)
            return claim.n_lost

        assert [lose(run) for _ in range(3)] == [0, 1, 2]
        assert lose(other) == 0  # it followed a worker of the first run
        assert lose(other) == 1
        assert lose(run) == 2
        assert lose(None) == 0
        with store.claim(NETWORK, run=run) as claim:
            assert claim.n_lost == 2
        with store.claim(NETWORK, run=run) as claim:
            assert claim.n_lost == 2  # the last one released it

    @pytest.mark.parametrize("lease", [0, -1, float("nan")])
    def test_bad_leases(self, store: MeasurementStore, lease: float) -> None:
        with pytest.raises(InvalidInputError, match="lease is "):
            store.start_run(lease=lease)


class TestWorklist:
    def worklist(self, store: MeasurementStore, run: Run, *, worker: str = "ada", wait: bool = True) -> Worklist:
        def lacking(networks: Sequence[NetworkKey]) -> list[NetworkKey]:
            return [network for network in networks if store.missing(made_up_keys(network))]

        return Worklist(store, run, NETWORKS, lacking, worker=worker, lease=30, wait=wait)

    def measure(self, claim: Claim) -> None:
        with claim:
            claim.record([made_up_measurement(key) for key in made_up_keys(claim.network)])

    def test_every_network_comes_once(self, store: MeasurementStore) -> None:
        seen = []
        for claim in self.worklist(store, store.start_run()):
            self.measure(claim)
            seen.append(claim.network)
        assert sorted(map(str, seen)) == sorted(map(str, NETWORKS))
        assert list(self.worklist(store, store.start_run())) == []

    def test_of_no_networks(self, store: MeasurementStore) -> None:
        assert list(Worklist(store, store.start_run(), [], list, worker="ada")) == []

    def test_workers_begin_at_different_networks(self, store: MeasurementStore) -> None:
        run = store.start_run()
        firsts = set()
        for number in range(12):
            claim = next(iter(self.worklist(store, run, worker=str(number))))
            firsts.add(claim.network)
            claim.release()
        assert len(firsts) == len(NETWORKS)

    def test_what_others_measure_meanwhile_does_not_come(self, store: MeasurementStore) -> None:
        worklist = iter(self.worklist(store, store.start_run()))
        first = next(worklist)
        other = next(network for network in NETWORKS if network != first.network)
        with store.claim(other) as claim:
            self.measure(claim)
        self.measure(first)
        rest = [claim.network for claim in worklist if self.measure(claim) is None]
        assert other not in rest
        assert len(rest) == 1

    def test_one_that_was_lost_comes_again(self, store: MeasurementStore) -> None:
        seen = []
        for claim in self.worklist(store, store.start_run()):
            seen.append(claim.network)
            if len(seen) == 1:
                expire(store)
                with store.claim(claim.network, worker="bob"), pytest.raises(ClaimLostError):
                    self.measure(claim)
            else:
                self.measure(claim)
        assert len(seen) == 4
        assert not store.missing(key for network in NETWORKS for key in made_up_keys(network))

    def test_after_two_lost_workers_it_is_given_up(self, store: MeasurementStore) -> None:
        run = store.start_run()
        for _ in range(2):
            assert store.claim(NETWORK, run=run)
            expire(store)
        rest = [claim.network for claim in self.worklist(store, run) if self.measure(claim) is None]
        assert NETWORK not in rest
        assert len(rest) == 2
        assert run.failed() == {NETWORK: "2 workers in a row died at it, or made no progress for 30 s"}
        assert store.active_claims() == []

    def test_what_the_run_gave_up_on_does_not_come(self, store: MeasurementStore) -> None:
        run = store.start_run()
        for claim in self.worklist(store, run):
            with claim:
                run.give_up(claim.network, "its loss is NaN")
        assert len(run.failed()) == 3
        assert list(self.worklist(store, run, worker="bob")) == []
        assert next(iter(self.worklist(store, store.start_run()))).network in NETWORKS

    def test_what_it_gave_up_on_meanwhile_does_not_come_either(self, store: MeasurementStore) -> None:
        run = store.start_run()
        worklist = iter(self.worklist(store, run))
        first = next(worklist)
        other = next(network for network in NETWORKS if network != first.network)
        with store.claim(other, run=run):
            run.give_up(other, "its loss is NaN")
        self.measure(first)
        assert other not in [claim.network for claim in worklist if self.measure(claim) is None]

    def test_it_ends_with_the_run(self, store: MeasurementStore) -> None:
        run = store.start_run()
        worklist = iter(self.worklist(store, elsewhere(store, run)))
        self.measure(next(worklist))
        run.end()
        assert list(worklist) == []

    def test_what_others_hold_is_waited_for(self, store: MeasurementStore) -> None:
        worklist = self.worklist(store, store.start_run())
        held = store.claim(NETWORK, lease=0.5)
        assert held
        began = time.monotonic()
        seen = [claim.network for claim in worklist if self.measure(claim) is None]
        assert sorted(map(str, seen)) == sorted(map(str, NETWORKS))
        assert time.monotonic() - began > 0.4

    def test_or_left_to_them(self, store: MeasurementStore) -> None:
        store.claim(NETWORK)
        worklist = self.worklist(store, store.start_run(), wait=False)
        assert NETWORK not in [claim.network for claim in worklist if self.measure(claim) is None]

    def test_but_not_what_our_own_may_have_died_at(self, store: MeasurementStore) -> None:
        run = store.start_run()
        assert store.claim(NETWORK, lease=0.5, run=run)
        seen = [claim.network for claim in self.worklist(store, run, wait=False) if self.measure(claim) is None]
        assert sorted(map(str, seen)) == sorted(map(str, NETWORKS))


def test_a_pickled_store_sees_the_runs_of_its_original(store: MeasurementStore) -> None:
    again = pickle.loads(pickle.dumps(store))
    run = store.start_run()
    again.run(run.token, run.submitter).confirm()

    def test_several_are_taken_at_once(self, store: MeasurementStore) -> None:
        worklist = self.worklist(store, store.start_run())
        iterator = iter(worklist)
        claims = [next(iterator), worklist.another(), worklist.another()]
        assert worklist.another() is None
        assert {claim.network for claim in claims if claim} == set(NETWORKS)
        for claim in claims:
            assert claim is not None
            self.measure(claim)
        assert list(iterator) == []

    def test_one_that_a_worker_died_at_is_taken_alone(self, store: MeasurementStore) -> None:
        run = store.start_run()
        worklist = self.worklist(store, run)
        iterator = iter(worklist)
        first = next(iterator)
        for network in NETWORKS:
            if network != first.network:
                assert store.claim(network, run=run, lease=1e-6)
        time.sleep(0.01)
        assert worklist.another() is None
        self.measure(first)
        rest = [(claim.n_lost, self.measure(claim)) for claim in iterator]
        assert rest == [(1, None), (1, None)]
