"""All figures of the evaluator on one card, in a few minutes: one table, and a JSON file to keep.

Each part runs in a process of its own, for a limited time: a part that fails is told in words, and the others go on.

    python benchmarks/gpu.py                            # everything, under 8 minutes
    python benchmarks/gpu.py --only training,attacks
    python benchmarks/gpu.py --device cpu --small       # every path, on toys: the figures mean nothing
    python benchmarks/gpu.py --list
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]  # a source tree need not be installed

from gpu_parts import PARTS, Row, Subject  # noqa: E402

_LONGEST_REASON = 300


@dataclass(frozen=True)
class Report:
    """What came of one part.

    Attributes:
        part: Its name.
        seconds: How long it took.
        rows: Its figures.
        failure: Why there are no more of them; empty if nothing is wrong.
    """

    part: str
    seconds: float
    rows: tuple[Row, ...]
    failure: str = ""


def run_here(name: str, subject: Subject, keep: Callable[[Report], None]) -> Report:
    """Run a part in this process, without a limit; it is kept as far as it is after every figure."""
    start = time.monotonic()
    report = Report(name, 0.0, (), "it was ended")
    try:
        for row in PARTS[name].run(subject):
            report = replace(report, seconds=time.monotonic() - start, rows=(*report.rows, row))
            keep(report)
        failure = ""
    except Exception as error:  # whatever it is, the other parts do without it
        failure = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
    return replace(report, seconds=time.monotonic() - start, failure=failure)


def run_apart(name: str, subject: Subject, limit: float) -> Report:
    """Run a part in a process of its own, for so many seconds at most."""
    start, failure = time.monotonic(), ""
    with tempfile.TemporaryDirectory() as folder:
        path, errors = Path(folder) / "report.json", Path(folder) / "stderr"
        options = ["--only", name, "--in-process", "--quiet", "--device", subject.device_name, "--json", str(path)]
        command = [sys.executable, str(Path(__file__).resolve()), *options, *(["--small"] if subject.small else [])]
        with errors.open("w") as stream, subprocess.Popen(command, stderr=stream, start_new_session=True) as child:
            try:
                child.wait(limit)
            except subprocess.TimeoutExpired:
                failure = f"took more than {limit:.0f} s"
                os.killpg(child.pid, signal.SIGKILL)  # pytest, too, if that is what it runs
        last = (errors.read_text(errors="replace").strip().splitlines() or ["nothing on stderr"])[-1]
        failure = failure or f"its process ended with {child.returncode}: {last}"[:_LONGEST_REASON]
        if not path.exists():
            return Report(name, time.monotonic() - start, (), failure)
        (found,) = json.loads(path.read_text())["parts"]
        is_whole = found["failure"] != "it was ended"
        rows = tuple(Row(**row) for row in found["rows"])
        return Report(name, time.monotonic() - start, rows, found["failure"] if is_whole else failure)


def facts(subject: Subject) -> dict[str, Any]:
    """Return what the figures are of: card, releases, size."""
    import torch

    from robustnas import __version__
    from robustnas.evaluator.device import device_memory, device_name

    return {
        "device": device_name(subject.device),
        "memory_gb": round(device_memory(subject.device) / 1e9, 1),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "python": platform.python_version(),
        "robustnas": __version__,
        "small": subject.small,
    }


def show(about: dict[str, Any], reports: Sequence[Report]) -> None:
    """Print the table, and below it what went wrong."""
    print("  ".join(f"{name} {value}" for name, value in about.items()))
    if about["small"]:
        print("toys: these figures mean nothing")
    width = max((len(row.what) for report in reports for row in report.rows), default=10)
    for report in reports:
        print(f"\n{report.part} ({report.seconds:.0f} s)")
        for row in report.rows:
            value = row.value if isinstance(row.value, str) else f"{row.value:,.4g}"
            print(f"  {row.what:<{width}}  {value:>10} {row.unit}{f'   ({row.note})' if row.note else ''}")
        if report.failure:
            print(f"  FAILED: {report.failure}")
    failed = [report.part for report in reports if report.failure]
    print(
        f"\n{len(failed)} of {len(reports)} parts failed: {', '.join(failed)}" if failed else "\nall parts are complete"
    )


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="toys, to run every path in seconds")
    parser.add_argument("--only", metavar="PART,...", help="some of the parts")
    parser.add_argument("--list", action="store_true", help="say which parts there are")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go  [default: gpu-<time>.json]")
    parser.add_argument("--minutes", type=float, default=8.0, help="for everything: parts without time are left out")
    parser.add_argument("--in-process", action="store_true", help="parts in this process, without limits of time")
    parser.add_argument("--quiet", action="store_true", help="no table")
    chosen = parser.parse_args(arguments)
    chosen.parts = chosen.only.split(",") if chosen.only else list(PARTS)
    if unknown := [name for name in chosen.parts if name not in PARTS]:
        parser.error(f"no part is named {unknown[0]!r}; there are {', '.join(PARTS)}")
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = options(arguments)
    if chosen.list:
        for name, part in PARTS.items():
            print(f"{name:<10} {part.limit:>4.0f} s at most: {part.what}")
        return 0
    from robustnas.errors import InvalidInputError

    try:
        subject = Subject(chosen.device, small=chosen.small)
    except InvalidInputError as error:
        print(f"{error}; --device cpu --small runs every path without a card", file=sys.stderr)
        return 2
    path = chosen.json or Path(f"gpu-{time.strftime('%Y%m%d-%H%M%S')}.json")
    about, reports = facts(subject), list[Report]()

    def keep(*more: Report) -> None:
        parts = [asdict(report) for report in (*reports, *more)]
        path.write_text(json.dumps({**about, "parts": parts}, indent=1) + "\n")

    deadline = time.monotonic() + 60 * chosen.minutes
    for name in chosen.parts:
        left = deadline - time.monotonic()
        if not chosen.quiet:
            print(f"{name} ...", file=sys.stderr, flush=True)
        if chosen.in_process:
            reports.append(run_here(name, subject, keep))
        elif left > 0:
            reports.append(run_apart(name, subject, min(PARTS[name].limit, left)))
        else:
            reports.append(Report(name, 0.0, (), "no time was left for it; --minutes gives more"))
        keep()
    if not chosen.quiet:
        show(about, reports)
        print(f"written to {path}")
    return 1 if any(report.failure for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
