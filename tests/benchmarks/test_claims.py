"""The load test of claims, small: eight processes on either kind of store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.claims import Load, Log, check, empty_store, load, made_up_measurement, made_up_networks, table
from robustnas.measurements import MeasurementStore
from tests.postgresql import skip_without_postgresql

pytestmark = pytest.mark.timeout(120)  # slow where processors are shared

N_PROCESSES, N_NETWORKS = 8, 48


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "postgresql":
        skip_without_postgresql()
    with empty_store(request.param, "fsync=off") as where:
        yield where


@pytest.mark.slow
def test_eight_processes_claim_nothing_twice(where: str) -> None:
    found = load(where, N_PROCESSES, N_NETWORKS, spread=True)
    assert len(found.latencies["record"]) == N_NETWORKS
    assert found.turns_per_second > 0
    first, *rows = table(found)
    assert first.startswith("8 processes, 48 networks: ")
    assert [row.split()[0] for row in rows] == ["call", "claim_first", "known", "record", "release"]


def test_the_check_finds_what_it_is_for(where: str) -> None:
    networks = made_up_networks(2)
    with MeasurementStore.open(where) as store:
        for network in networks:
            with store.claim_first([network]) as claim:  # type: ignore[union-attr]
                claim.record(made_up_measurement(network))
    first, second = (network.arch for network in networks)
    check(where, networks, [Log(held=[(first, 1.0, 2.0)], n_new=1), Log(held=[(first, 2.5, 3.0)], n_new=1)])
    with pytest.raises(AssertionError, match="was held twice at a time"):
        check(where, networks, [Log(held=[(second, 1.0, 2.0)], n_new=1), Log(held=[(second, 1.9, 3.0)], n_new=1)])
    with pytest.raises(AssertionError):
        check(where, networks, [Log(n_new=3)])
    with pytest.raises(AssertionError):
        check(where, made_up_networks(3), [Log(n_new=3)])


def test_a_store_that_is_not_empty_is_refused(where: str) -> None:
    network = made_up_networks(1)[0]
    with MeasurementStore.open(where) as store, store.claim(network) as claim:  # type: ignore[union-attr]
        claim.record(made_up_measurement(network))
    with pytest.raises(AssertionError, match="is not empty"):
        load(where, 2, 2, spread=False)


def test_percentiles() -> None:
    latencies = {"claim_first": [value / 1000 for value in range(1, 101)]}
    found = Load(2, 100, 50.0, latencies, n_late=0)
    assert found.milliseconds("claim_first") == pytest.approx((50.5, 99.01, 100.0))
    assert found.turns_per_second == 2.0
