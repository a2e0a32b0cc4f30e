from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from robustnas.errors import DataError, InvalidInputError
from robustnas.measurements import DEFAULT_LEASE, ClaimLostError, MeasurementStore
from robustnas.measurements.transactions import Transactions
from tests.robustnas.measurements.made_up import made_up_keys, made_up_measurement, made_up_networks

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

NETWORKS = made_up_networks(4)
NETWORK = NETWORKS[0]
VALUES = [made_up_measurement(key) for key in made_up_keys(NETWORK)]
RACERS = 6


def expire(store: MeasurementStore) -> None:
    """Let an hour pass."""
    store._transactions.write(lambda c: c.exec_driver_sql("UPDATE claims SET expires_at = expires_at - 3600"))


def expiry(store: MeasurementStore) -> float:
    return float(store._transactions.read(lambda c: c.exec_driver_sql("SELECT expires_at FROM claims").scalar_one()))


class TestClaiming:
    def test_one_worker_gets_it(self, store: MeasurementStore) -> None:
        with store.claim(NETWORK) as claim:
            assert claim.network == NETWORK
            assert claim.worker.endswith(f":{os.getpid()}")
            assert store.claim(NETWORK) is None
            with store.claim(NETWORKS[1]) as other:
                assert other.network == NETWORKS[1]
        assert store.claim(NETWORK)

    def test_of_many_at_once_one_gets_it(self, store: MeasurementStore) -> None:
        for _ in range(3):
            barrier = threading.Barrier(RACERS)

            def race(number: int, barrier: threading.Barrier = barrier) -> bool:
                barrier.wait()
                return store.claim(NETWORK, worker=str(number)) is not None

            with ThreadPoolExecutor(RACERS) as pool:
                assert sum(pool.map(race, range(RACERS))) == 1
            expire(store)

    def test_each_of_many_gets_another_first(self, store: MeasurementStore) -> None:
        networks = made_up_networks(RACERS)
        barrier = threading.Barrier(RACERS)

        def race(_: int) -> str:
            barrier.wait()
            claim = store.claim_first(networks)
            assert claim
            return claim.network.arch

        with ThreadPoolExecutor(RACERS) as pool:
            assert sorted(pool.map(race, range(RACERS))) == sorted(network.arch for network in networks)
        assert store.claim_first(networks) is None
        assert store.claim_first([]) is None

    def test_a_choice_is_one_transaction_or_two_however_many_choose(
        self, store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        networks = made_up_networks(4 * RACERS)
        barrier, attempt, begun = threading.Barrier(RACERS), Transactions._attempt, []

        def counted(self: Transactions, work: Any, begin: str) -> Any:
            begun.append(begin)
            return attempt(self, work, begin)

        def race(_: int) -> None:
            barrier.wait()
            for _ in range(4):
                assert store.claim_first(networks)

        store.active_claims()
        monkeypatch.setattr(Transactions, "_attempt", counted)
        with ThreadPoolExecutor(RACERS) as pool:
            list(pool.map(race, range(RACERS)))
        most = 1 if store.location.path else 3  # on a server, one that loses its choice makes another one in turn
        assert len(networks) <= len(begun) <= most * len(networks)
        assert len(store.active_claims()) == len(networks)

    def test_the_first_free_one(self, store: MeasurementStore) -> None:
        store.claim(NETWORKS[1])
        taken = [store.claim_first(NETWORKS[1:]) for _ in range(3)]
        assert [claim and claim.network for claim in taken] == [*NETWORKS[2:], None]

    @pytest.mark.parametrize("lease", [0, -1, float("nan"), float("inf"), "1"])
    def test_bad_leases(self, store: MeasurementStore, lease: float) -> None:
        with pytest.raises(InvalidInputError, match="lease is "):
            store.claim(NETWORK, lease=lease)

    def test_bad_workers(self, store: MeasurementStore) -> None:
        with pytest.raises(InvalidInputError, match="worker is ''"):
            store.claim(NETWORK, worker="")


class TestExpiry:
    def test_an_expired_claim_is_taken_over(self, store: MeasurementStore) -> None:
        lost = store.claim(NETWORK, worker="ada")
        expire(store)
        assert store.active_claims() == []
        taken = store.claim(NETWORK, worker="bob")
        assert lost
        assert taken
        for call in (lost.renew, lambda: lost.record(VALUES)):
            with pytest.raises(ClaimLostError, match=r"ada lost its claim of .*: it expired and bob took it; nothing"):
                call()
        lost.release()
        assert [claim.worker for claim in store.active_claims()] == ["bob"]
        assert len(store) == 0
        assert taken.record(VALUES) == 5

    def test_it_passes_by_the_stores_clock(self, store: MeasurementStore) -> None:
        assert store.claim(NETWORK, lease=0.05)
        time.sleep(0.1)
        assert store.claim(NETWORK)
        [claim] = store.active_claims()
        assert abs((claim.claimed_at - datetime.now(UTC)).total_seconds()) < 60
        assert DEFAULT_LEASE - 60 < claim.seconds_left <= DEFAULT_LEASE

    def test_one_that_nobody_took_is_still_ours(self, store: MeasurementStore) -> None:
        claim = store.claim(NETWORK)
        assert claim
        expire(store)
        assert claim.record(VALUES[:1]) == 1
        expire(store)
        claim.renew()
        assert store.claim(NETWORK) is None

    def test_expired_ones_can_be_removed(self, store: MeasurementStore) -> None:
        removed = [store.claim(network) for network in NETWORKS[:2]]
        expire(store)
        live = store.claim(NETWORKS[2])
        assert store.release_expired() == 2
        assert store.release_expired() == 0
        assert [claim.network for claim in store.active_claims()] == [live.network if live else None]
        with pytest.raises(ClaimLostError, match="expired and was removed"):
            removed[0].record(VALUES)  # type: ignore[union-attr]


class TestRecording:
    def test_twice_is_once(self, store: MeasurementStore) -> None:
        with store.claim(NETWORK) as claim:
            assert claim.record(VALUES[0]) == 1
            assert claim.record([VALUES[0], VALUES[1], VALUES[1]]) == 1
            assert claim.record([]) == 0
        with store.claim(NETWORK) as claim:
            assert claim.record(VALUES) == 3
        assert store.measurements() == VALUES

    def test_what_is_there_is_not_overwritten(self, store: MeasurementStore) -> None:
        other = made_up_measurement(VALUES[1].key)
        object.__setattr__(other, "accuracy", 0.25)
        with store.claim(NETWORK) as claim:
            claim.record(VALUES)
            assert claim.record(other) == 0
        assert store.measurements() == VALUES

    def test_it_renews(self, store: MeasurementStore) -> None:
        with store.claim(NETWORK) as claim:
            before = expiry(store)
            time.sleep(0.01)
            claim.record(VALUES)
            assert expiry(store) > before

    def test_another_network_is_refused(self, store: MeasurementStore) -> None:
        other = made_up_measurement(made_up_keys(NETWORKS[1])[0])
        with store.claim(NETWORK) as claim, pytest.raises(InvalidInputError, match="the claim is of"):
            claim.record([VALUES[0], other])
        assert len(store) == 0

    def test_it_is_all_or_nothing(self, store: MeasurementStore) -> None:
        bad = made_up_measurement(VALUES[3].key)
        object.__setattr__(bad, "accuracy", 2.0)  # what no Measurement holds, the database refuses too
        with store.claim(NETWORK) as claim, pytest.raises(DataError, match="the store of measurements"):
            claim.record([*VALUES[:3], bad])
        assert len(store) == 0

    def test_after_release_nothing_is_written(self, store: MeasurementStore) -> None:
        claim = store.claim(NETWORK)
        assert claim
        claim.release()
        claim.release()
        with pytest.raises(ClaimLostError, match="it was released"):
            claim.record(VALUES)
        assert len(store) == 0

    def test_the_first_error_is_the_one_raised(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("robustnas.measurements.transactions._N_ATTEMPTS", 1)
        with MeasurementStore.open(tmp_path / "a.sqlite") as store:
            claim = store.claim(NETWORK)
            assert claim
            (tmp_path / "a.sqlite").write_text("x" * 10_000)
            with pytest.raises(ZeroDivisionError), claim:
                raise ZeroDivisionError
            with pytest.raises(DataError, match="not a database"):
                claim.release()


class TestProgress:
    def test_it_renews_now_and_then(self, store: MeasurementStore, monkeypatch: pytest.MonkeyPatch) -> None:
        with store.claim(NETWORK, lease=0.4) as claim:
            began = expiry(store)
            claim.progress("training", 0.1)
            assert expiry(store) == began  # a moment ago
            time.sleep(0.11)
            claim.progress("training", 0.2)
            assert expiry(store) > began
        with store.claim(NETWORK, lease=3600) as claim:
            monkeypatch.setattr("robustnas.measurements.runs._LONGEST_SILENCE", 0.05)
            began = expiry(store)
            time.sleep(0.06)
            claim.progress("training", 0.3)
            assert expiry(store) > began

    def test_without_any_the_network_is_free(self, store: MeasurementStore) -> None:
        claim = store.claim(NETWORK, worker="ada", lease=0.05)
        assert claim
        time.sleep(0.1)
        with store.claim(NETWORK, worker="bob") as taken:
            assert taken.worker == "bob"
            with pytest.raises(ClaimLostError, match=r"ada lost its claim of .*: it expired and bob took it"):
                claim.progress("training", 0.5)

    def test_what_is_being_done_is_shown(self, store: MeasurementStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("robustnas.measurements.runs._LONGEST_SILENCE", 0.0)
        run = store.start_run()
        with store.claim(NETWORK, run=run) as claim:
            claim.progress("training", 0.345)
            claim.renew()
            (shown,) = store.active_claims()
            assert (shown.doing, shown.share, shown.run) == ("training", 0.345, run.token)
        with store.claim(NETWORK):
            (shown,) = store.active_claims()
            assert (shown.doing, shown.share, shown.run) == ("", 0.0, None)

    def test_trouble_with_the_store_does_not_end_the_work(
        self, store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with store.claim(NETWORK, lease=0.2) as claim:
            began = expiry(store)
            time.sleep(0.06)
            with monkeypatch.context() as patch:

                def refused(*_: object, **__: object) -> None:
                    raise DataError("no server")

                patch.setattr(Transactions, "write", refused)
                claim.progress("training", 0.5)
            claim.progress("training", 0.6)  # tried a moment ago
            assert expiry(store) == began
            time.sleep(0.06)
            claim.progress("training", 0.7)
            assert expiry(store) > began
