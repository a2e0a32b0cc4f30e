"""What ``robustnas fill`` shows: the plan and what is missing, the progress, and the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from experiments.commands.options import note_lines
from experiments.progress import Bars, progress_bars
from experiments.verbosity import say
from robustnas.spaces.nasbench201.cell import Cell

if TYPE_CHECKING:
    from robustnas.evaluator.filling.run import FillRun
    from robustnas.evaluator.filling.workers import WorkerProcess
    from robustnas.measurements import NetworkKey

LINE_SECONDS = 30.0
"""Seconds between two lines of progress where there is no terminal to show bars in."""

_MOST_LINES = 32  # of workers
_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def network_name(network: NetworkKey) -> str:
    """Return a short name: the database id, and the seed unless it is 0."""
    name = f"#{Cell.parse(network.arch).database_id}"
    return f"{name}, seed {network.seed}" if network.seed else name


def duration(seconds: float) -> str:
    """Return a time in words.

    >>> duration(0.25), duration(59), duration(600), duration(5400), duration(200_000)
    ('0.2 s', '59 s', '10 min', '1.5 h', '2.3 d')
    """
    for length, unit in _UNITS:
        if seconds >= length:
            value = seconds / length
            return f"{value:.1f} {unit}" if value < 10 and unit != "min" else f"{value:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def plan_text(facts: Mapping[str, Any]) -> str:
    """Return what a plan wants, what is there and what the rest takes, as lines."""
    settings, seeds = facts["settings"], facts["seeds"]
    n_images = "all" if settings["n_images"] is None else f"the first {settings['n_images']:,}"
    lines = [
        f"{_count(facts['n_networks'], 'network')}, {_count(len(seeds), 'seed')}, on {facts['images']}: "
        f"{settings['channels']} channels, {_count(settings['n_cells'], 'cell')} per stage, "
        f"{_count(settings['training']['epochs'], 'epoch')}; {n_images} test images, {settings['protocol']} protocol",
        f"store: {facts['store']}",
        "",
    ]
    width = max(len(row["metric"]) for row in facts["metrics"])
    lines.append(f"{'':<{width}}  {'table':>8}  {'store':>8}  {'missing':>8}")
    for row in facts["metrics"]:
        counts = "  ".join(f"{row[name]:>8,}" for name in ("table", "store", "missing"))
        lines.append(f"{row['metric']:<{width}}  {counts}")
    return "\n".join([*lines, "", *note_lines(facts["notes"]), plan_line(facts)])


def plan_line(facts: Mapping[str, Any]) -> str:
    """Return what is missing and how long it takes, in one line."""
    if not facts["n_missing"]:
        return "nothing is missing"
    each, n = facts["seconds_per_network"], facts["workers"]
    spread = duration(each["mean"])
    if each["most"] > 1.2 * each["least"]:
        spread += f" ({duration(each['least'])} to {duration(each['most'])})"
    return (
        f"{_count(facts['n_missing'], 'number')} of {_count(facts['n_networks_lacking'], 'network')} are missing; at "
        f"most about {spread} per network and {duration(facts['seconds_at_most'])} in all with {_count(n, 'worker')} "
        f"on {', '.join(facts['devices'])}; {facts['weights_bytes'] / 1e6:,.1f} MB of weights will be kept"
    )


def result_text(result: Mapping[str, Any]) -> str:
    """Return the result of a run, as lines."""
    lines = [f"could not measure {entry['network']}: {entry['reason']}" for entry in result["failed"]]
    others = f", {result['n_by_others']:,} by others meanwhile" if result["n_by_others"] else ""
    missing = f"{result['n_missing']:,} missing" if result["n_missing"] else "nothing is missing"
    if result["n_left_to_others"]:
        missing += f" ({_count(result['n_left_to_others'], 'network')} left to others)"
    measured = _count(result["n_measured"], "number")
    return "\n".join([*lines, f"{measured} measured{others}; {missing}; {duration(result['seconds'])}"])


@contextmanager
def shown_fill(run: FillRun, first: str) -> Iterator[Callable[[], None]]:
    """Show a run on standard error: bars on a terminal, else a line from time to time.

    Args:
        run: The run.
        first: A line to begin with.

    Yields:
        What to call whenever something may have changed.
    """
    say(first)
    with progress_bars() as bars:
        yield (_Bars(run, bars) if bars.shown else _Lines(run)).show


class _Lines:
    """Progress as plain lines, for logs."""

    def __init__(self, run: FillRun) -> None:
        self._run, self._shown = run, time.monotonic()

    def show(self) -> None:
        """Print a line, unless the last one is recent."""
        now = time.monotonic()
        if now - self._shown >= LINE_SECONDS:
            self._shown = now
            busy = [_doing(worker) for worker in self._run.workers if worker and worker.network]
            say("; ".join([_note(self._run), *busy[:4]]))


class _Bars:
    """Progress as bars: the numbers in all, and what each worker is doing."""

    def __init__(self, run: FillRun, bars: Bars) -> None:
        self._run = run
        self._total = bars.add("in all", run.queue.n_total)
        n_lines = min(len(run.workers), _MOST_LINES)
        self._lines = [bars.add(f"worker {number + 1}") for number in range(n_lines)]

    def show(self) -> None:
        """Update the bars."""
        queue = self._run.queue
        self._total.show(completed=queue.n_total - queue.n_left, note=_note(self._run))
        for line, worker in zip(self._lines, self._run.workers, strict=False):
            busy = worker if worker and worker.network else None
            line.show(completed=busy.share if busy else 0.0, note=_doing(busy) if busy else "idle")


def _note(run: FillRun) -> str:
    queue = run.queue
    parts = [f"{queue.n_total - queue.n_left:,} of {queue.n_total:,} numbers"]
    if queue.n_by_others:
        parts.append(f"{queue.n_by_others:,} by others")
    if queue.failed:
        parts.append(f"{_count(len(queue.failed), 'network')} failed")
    if run.n_waited_for:
        parts.append(f"waiting for {_count(run.n_waited_for, 'network')} that other workers hold")
    else:
        parts.append(f"about {duration(run.seconds_left)} left")
    return ", ".join(parts)


def _doing(worker: WorkerProcess) -> str:
    assert worker.network
    return f"{network_name(worker.network)} {worker.stage} {100 * worker.share:.0f} %"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
