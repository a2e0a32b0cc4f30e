"""How large and how fast the explorer's page is, in headless Chromium: ``python -m benchmarks.explorer [DATASET]``.

A brush or a hover takes what the main thread does between the pointer's event and the picture: handlers, and
the frame with its style, layout and paint.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from experiments.explorer import write_explorer
from robustnas.tables.datasets import choose_dataset, open_table
from tests.browser import Browser, find_chromium

N_LOADS, N_MOVES = 5, 120
READY = "document.documentElement?.dataset.rest === 'true'"
MEASURE = """(() => {
  window.taken = [];
  const channel = new MessageChannel();
  let handled = 0, began = 0, drawn = 0;
  channel.port1.onmessage = () => taken.push(handled + performance.now() - drawn);
  addEventListener("pointermove", () => {
    began = performance.now();
    requestAnimationFrame(() => { drawn = performance.now(); channel.port2.postMessage(0); });
  }, true);
  addEventListener("pointermove", () => { handled = performance.now() - began; });
})()"""


def main() -> None:
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit("no Chromium here")
    dataset = choose_dataset(sys.argv[1] if len(sys.argv) > 1 else None)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "explorer.html"
        table = open_table(dataset)
        start = time.perf_counter()
        size = write_explorer(path, table)
        print(f"{dataset}: {size / 1e6:.2f} MB, written in {time.perf_counter() - start:.1f} s")
        browser = Browser(chromium, Path(folder) / "profile")
        browser.size(1280, 1000)
        try:
            measure_loading(browser, path)
            measure_pointer(browser)
        finally:
            browser.close()


def measure_loading(browser: Browser, path: Path) -> None:
    found: dict[str, list[float]] = {"first-contentful-paint": [], "scatters drawn": [], "views drawn": []}
    for _ in range(N_LOADS):
        browser.open(f"file://{path}", READY)
        for name, times in found.items():
            times.append(browser.evaluate(f"performance.getEntriesByName('{name}')[0].startTime"))
    for name, times in found.items():
        told(name, times)


def measure_pointer(browser: Browser) -> None:
    browser.evaluate(MEASURE)
    browser.call("Performance.enable", timeDomain="threadTicks")
    left, top, width, height = browser.evaluate(
        "(() => { const b = document.querySelector('#view-front .area').getBoundingClientRect();"
        "return [b.left, b.top, b.width, b.height]; })()"
    )
    rng = np.random.default_rng(0)
    before = busy(browser)
    for _ in range(N_MOVES):
        x, y = rng.uniform(0.3, 0.95, 2)
        browser.mouse("mouseMoved", left + x * width, top + (1 - y) * height)
    told("hover", browser.evaluate("taken.splice(0)"))
    print(f"  processor time of the main thread: {(busy(browser) - before) / N_MOVES:.1f} ms a move")
    before = busy(browser)
    browser.drag((left + 60, top + 12), (left + width - 12, top + height - 30), N_MOVES)
    told("brush", browser.evaluate("taken.splice(0)"))
    print(f"  processor time of the main thread: {(busy(browser) - before) / N_MOVES:.1f} ms a move")
    before = busy(browser)
    browser.evaluate("document.querySelector('.toolbar .small').click()")
    browser.wait("document.documentElement.dataset.rest === 'true'")
    print(f"  views at rest after it: {busy(browser) - before:.0f} ms of processor time")


def busy(browser: Browser) -> float:
    """Return the milliseconds of processor time that the main thread has spent on tasks."""
    metrics = {metric["name"]: metric["value"] for metric in browser.call("Performance.getMetrics")["metrics"]}
    return 1000 * float(metrics["TaskDuration"])


def told(what: str, milliseconds: list[float]) -> None:
    middle, high = np.quantile(milliseconds, [0.5, 0.95])
    print(f"{what:<22} {middle:7.1f} ms in the median, {high:.1f} ms for 95 %, {max(milliseconds):.1f} at most")


if __name__ == "__main__":
    main()
