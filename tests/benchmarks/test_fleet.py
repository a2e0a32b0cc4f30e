"""The simulation of a fleet gives what can be computed by hand, or is known of queues."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.fleet import DAY, NEVER, Dice, Run, Server, Store, Workers, Writer, compare, fill

TASKS = np.random.default_rng(0).exponential(10.0, 2_000)


class TestServer:
    def test_one_after_the_other(self) -> None:
        server = Server()
        assert [server.serve(now, 2.0) for now in (0.0, 1.0, 1.5, 10.0)] == [2.0, 4.0, 6.0, 12.0]
        assert (server.busy, server.waited) == (8.0, 2.5)

    def test_mean_wait_of_a_queue_is_that_of_the_books(self) -> None:
        """M/M/1: of a server that is busy a share rho of the time, calls wait rho / (1 - rho) services on average."""
        rng, server, n, rho = np.random.default_rng(1), Server(), 200_000, 0.7
        arrivals = np.cumsum(rng.exponential(1.0, n)).tolist()
        services = rng.exponential(rho, n).tolist()
        spent = [server.serve(now, seconds) - now for now, seconds in zip(arrivals, services, strict=True)]
        assert np.mean(spent) == pytest.approx(rho / (1 - rho), rel=0.05)

    def test_regular_services_wait_half_as_long(self) -> None:
        """M/D/1: rho / (2 (1 - rho)) services until it begins."""
        rng, server, rho = np.random.default_rng(2), Server(), 0.8
        arrivals = np.cumsum(rng.exponential(1.0, 200_000)).tolist()
        waits = [server.serve(now, rho) - rho - now for now in arrivals]
        assert np.mean(waits) == pytest.approx(rho * rho / (2 * (1 - rho)), rel=0.05)


class TestComparison:
    def test_one_worker_takes_the_sum(self) -> None:
        found = compare(TASKS, Workers(1))
        assert found.seconds == pytest.approx(TASKS.sum())
        assert found.efficiency == pytest.approx(1.0)
        assert (found.n_failures, found.lost, found.n_done) == (0, 0.0, len(TASKS))

    def test_equal_tasks_go_in_rounds(self) -> None:
        assert compare([3.0] * 10, Workers(4)).seconds == 9.0

    def test_many_workers_share_the_work(self) -> None:
        found = compare(TASKS, Workers(50))
        assert TASKS.sum() / 50 <= found.seconds <= TASKS.sum() / 50 + TASKS.max()

    def test_no_fleet_is_faster_than_the_writer(self) -> None:
        found = compare(TASKS, Workers(1_000), Writer(per_job=0.1, per_task=0.4))
        assert found.seconds == pytest.approx(0.5 * len(TASKS), rel=0.05)
        assert found.server_load > 0.95

    def test_jobs_of_several_tasks_cost_the_writer_less(self) -> None:
        alone = compare(TASKS, Workers(1_000), Writer(per_job=0.5, tasks_per_job=1, depth=1))
        together = compare(TASKS, Workers(1_000), Writer(per_job=0.5, tasks_per_job=2, depth=1))
        assert together.server == pytest.approx(alone.server / 2)
        assert together.n_done == len(TASKS)

    def test_an_idle_worker_costs_a_submission_unless_jobs_wait(self) -> None:
        """With one job per worker, each waits for the writer's receipt and submission; with two, it does not."""
        assert compare([1.0] * 100, Workers(1), Writer(per_job=0.5, depth=1)).seconds == pytest.approx(150.0)
        waiting = compare([1.0] * 100, Workers(1), Writer(per_job=0.5, depth=2)).seconds
        assert waiting == pytest.approx(100.5)

    def test_workers_come_up_one_after_the_other(self) -> None:
        """The n-th worker begins after n loads and its own start."""
        assert compare([10.0] * 3, Workers(3, start=1.0, load=5.0)).seconds == 5.0 * 3 + 1.0 + 10.0

    def test_slow_workers_are_slow(self) -> None:
        assert compare([2.0], Workers(1, slow_share=1.0, slow_factor=3.0)).seconds == 6.0

    def test_failures_repeat_work_as_they_should(self) -> None:
        """A task of d seconds at a rate of failures f takes (exp(f d) - 1) / f on average, restarts aside."""
        n, seconds, between = 20_000, 10.0, 20.0
        found = compare([seconds] * n, Workers(1, between_failures=between, restart=0.0))
        assert found.seconds / n == pytest.approx(between * math.expm1(seconds / between), rel=0.03)
        assert found.lost == pytest.approx(found.seconds - found.work)
        assert found.n_done == n

    def test_seeds_repeat_and_differ(self) -> None:
        fleet = Workers(20, between_failures=50.0, slow_share=0.2, slow_factor=2.0)
        assert compare(TASKS, fleet, seed=3) == compare(TASKS, fleet, seed=3)
        assert compare(TASKS, fleet, seed=3) != compare(TASKS, fleet, seed=4)

    def test_nothing_to_do(self) -> None:
        assert compare([], Workers(3)).seconds == 0.0


class TestFill:
    def test_one_worker_takes_the_sum(self) -> None:
        found = fill([10.0] * 7, [4.0] * 7, 4, Workers(1), Store(claim=1.0, record=0.5))
        assert found.seconds == 7 * (10 + 4 + 1 + 4 * 0.5)
        assert found.work == 7 * 14

    def test_no_fleet_is_faster_than_the_store(self) -> None:
        found = fill([1.0] * 500, [1.0] * 500, 10, Workers(500), Store(record=0.1))
        assert found.seconds == pytest.approx(500 * 10 * 0.1, rel=0.05)

    def test_looks_cost_the_store(self) -> None:
        often = fill([10.0] * 100, [1.0] * 100, 1, Workers(1), Store(look=1.0, look_every=11.0))
        assert often.server == pytest.approx(100, rel=0.05)
        assert fill([10.0] * 100, [1.0] * 100, 1, Workers(1), Store(look=1.0)).server == 0.0

    def test_what_was_recorded_is_kept(self) -> None:
        """Numbers cost 1 s and fail at a rate of 1 / 50 s: a worker that dies loses one number and the training."""
        n, between = 300, 50.0
        found = fill([0.0] * n, [100.0] * n, 100, Workers(1, between_failures=between, restart=0.0), Store(lease=0.0))
        assert found.seconds == pytest.approx(n * 100 * between * math.expm1(1 / between), rel=0.05)

    def test_a_dead_worker_keeps_its_claim_until_the_lease_is_over(self) -> None:
        """One network, one worker: each of its deaths costs the lease, and at most a poll."""

        def filled(lease: float) -> Run:
            return fill([30.0], [1.0], 1, Workers(1, between_failures=10.0), Store(lease=lease, poll=1.0), seed=5)

        short, long = filled(100.0), filled(500.0)
        assert short.n_failures == long.n_failures > 0
        assert long.seconds - short.seconds == pytest.approx(400.0 * short.n_failures, abs=short.n_failures)

    def test_seeds_repeat(self) -> None:
        def run(seed: int) -> Run:
            return fill([30.0] * 50, [20.0] * 50, 5, Workers(8, between_failures=100.0), Store(0.1, 0.1), seed)

        assert run(1) == run(1)
        assert run(1) != run(2)


def test_dice() -> None:
    draws = [Dice(0).exponential(2.0) for _ in range(3)]
    assert draws[0] == draws[1] == draws[2]
    dice = Dice(1)
    assert np.mean([dice.exponential(2.0) for _ in range(100_000)]) == pytest.approx(2.0, rel=0.02)
    assert dice.exponential(NEVER) == math.inf
    assert DAY == 24 * 3600
