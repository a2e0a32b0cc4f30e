"""What ``robustnas fill`` shows: the plan and what is missing, the progress, and the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from experiments.commands.options import note_lines
from experiments.progress import Bar, Bars, progress_bars
from experiments.verbosity import say
from robustnas.duration import spoken
from robustnas.spaces import DEFAULT_SPACE
from robustnas.spaces.nasbench201.cell import Cell

if TYPE_CHECKING:
    from robustnas.evaluator.filling.progress import FillProgress
    from robustnas.measurements import ActiveClaim, NetworkKey

LINE_SECONDS = 30.0
"""Seconds between two lines of progress where there is no terminal to show bars in."""

_MOST_LINES = 32  # of workers


def network_name(network: NetworkKey) -> str:
    """Return a short name: the database id of a cell, else the architecture; and the seed unless it is 0."""
    name = f"#{Cell.parse(network.arch).database_id}" if network.space == DEFAULT_SPACE else network.arch
    return f"{name}, seed {network.seed}" if network.seed else name


def plan_text(facts: Mapping[str, Any]) -> str:
    """Return what a plan wants, what is there and what the rest takes, as lines."""
    settings, seeds = facts["settings"], facts["seeds"]
    n_images = "all" if settings["n_images"] is None else f"the first {settings['n_images']:,}"
    lines = [
        f"{_count(facts['n_networks'], 'network')}{_of_space(facts)}, {_count(len(seeds), 'seed')}, on "
        f"{facts['images']}: {_sizes(settings)}"
        f"{_count(settings['training']['epochs'], 'epoch')}{', ' + facts['training'] if facts['training'] else ''}; "
        f"{n_images} test images, {settings['protocol']} protocol, attacks in {settings['attack_precision']}",
        f"store: {facts['store']}",
        "",
    ]
    width = max(len(row["metric"]) for row in facts["metrics"])
    lines.append(f"{'':<{width}}  {'table':>8}  {'store':>8}  {'missing':>8}")
    for row in facts["metrics"]:
        counts = "  ".join(f"{row[name]:>8,}" for name in ("table", "store", "missing"))
        lines.append(f"{row['metric']:<{width}}  {counts}")
    return "\n".join([*lines, "", *note_lines(facts["notes"]), plan_line(facts)])


def _of_space(facts: Mapping[str, Any]) -> str:
    return f" of {facts['space']}" if "space" in facts else ""


def _sizes(settings: Mapping[str, Any]) -> str:
    if "channels" not in settings:
        return ""
    return f"{settings['channels']} channels, {_count(settings['n_cells'], 'cell')} per stage, "


def missing_line(n_numbers: int, n_networks: int) -> str:
    """Return what is missing, in one line."""
    if not n_numbers:
        return "nothing is missing"
    return f"{_count(n_numbers, 'number')} of {_count(n_networks, 'network')} are missing"


def plan_line(facts: Mapping[str, Any]) -> str:
    """Return what is missing and how long it takes, in one line."""
    if not facts["n_missing"]:
        return "nothing is missing"
    each, n = facts["seconds_per_network"], facts["workers"]
    spread = spoken(each["mean"])
    if each["most"] > 1.2 * each["least"]:
        spread += f" ({spoken(each['least'])} to {spoken(each['most'])})"
    return (
        f"{missing_line(facts['n_missing'], facts['n_networks_lacking'])}; at most about {spread} per network and "
        f"{spoken(facts['seconds_at_most'])} in all with {_count(n, 'worker')} on {', '.join(facts['devices'])}; "
        f"{facts['weights_bytes'] / 1e6:,.1f} MB of weights will be kept"
    )


def result_text(result: Mapping[str, Any]) -> str:
    """Return the result of a run, as lines."""
    lines = [f"could not measure {entry['network']}: {entry['reason']}" for entry in result["failed"]]
    others = f", {result['n_by_others']:,} by others meanwhile" if result["n_by_others"] else ""
    missing = f"{result['n_missing']:,} missing" if result["n_missing"] else "nothing is missing"
    if result["n_left_to_others"]:
        missing += f" ({_count(result['n_left_to_others'], 'network')} left to others)"
    measured = _count(result["n_measured"], "number")
    return "\n".join([*lines, f"{measured} measured{others}; {missing}; {spoken(result['seconds'])}"])


def noise_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the noise of one training by metric, where networks were trained with several seeds."""
    noise = result.get("noise", {})
    if not noise:
        return []
    deviations = ", ".join(f"{metric} {100 * floor['std']:.2f}" for metric, floor in noise.items())
    least = min(floor["degrees_of_freedom"] for floor in noise.values())
    return [f"noise of one training, in points: {deviations} ({_count(least, 'degree')} of freedom)"]


@contextmanager
def shown(progress: FillProgress, first: str) -> Iterator[Callable[[], None]]:
    """Show progress on standard error: bars on a terminal, else a line from time to time.

    Args:
        progress: What there is to do.
        first: A line to begin with.

    Yields:
        What to call whenever something may have changed.
    """
    say(first)
    with progress_bars() as bars:
        yield (_Bars(progress, bars) if bars.shown else _Lines(progress)).show


class _Lines:
    """Progress as plain lines, for logs."""

    def __init__(self, progress: FillProgress) -> None:
        self._progress, self._shown = progress, time.monotonic()

    def show(self) -> None:
        """Print a line, unless the last one is recent."""
        now = time.monotonic()
        if now - self._shown >= LINE_SECONDS:
            self._shown = now
            busy = [f"{network_name(claim.network)} {_doing(claim)}" for claim in _workers(self._progress)]
            say("; ".join([_note(self._progress), *busy[:4]]))


class _Bars:
    """Progress as bars: the numbers in all, and what each worker is doing."""

    def __init__(self, progress: FillProgress, bars: Bars) -> None:
        self._progress, self._bars = progress, bars
        self._total = bars.add("in all", progress.n_total)
        self._lines: list[Bar] = []

    def show(self) -> None:
        """Update the bars."""
        self._total.show(completed=self._progress.n_done, note=_note(self._progress))
        workers = _workers(self._progress)[:_MOST_LINES]
        while len(self._lines) < len(workers):
            self._lines.append(self._bars.add())
        for line, claim in zip_longest(self._lines, workers):
            if claim:
                line.show(network_name(claim.network), claim.share, note=f"{_doing(claim)}, {claim.worker}")
            else:
                line.show("", 0.0, note="idle")


def _note(progress: FillProgress) -> str:
    parts = [f"{progress.n_done:,} of {progress.n_total:,} numbers"]
    if progress.failed:
        parts.append(f"{_count(len(progress.failed), 'network')} failed")
    if progress.n_waited_for:
        parts.append(f"waiting for {_count(progress.n_waited_for, 'network')} that other workers hold")
    elif progress.seconds_left is not None:
        parts.append(f"about {spoken(progress.seconds_left)} left")
    return ", ".join(parts)


def _workers(progress: FillProgress) -> list[ActiveClaim]:
    """Return the claims of the workers to show: those of a run, or all of them."""
    return [claim for claim in progress.busy if progress.run is None or claim.run == progress.run.token]


def _doing(claim: ActiveClaim) -> str:
    return f"{claim.doing or 'starting'} {100 * claim.share:.0f} %"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
