"""How fast encodings are: seconds for all 15,625 cells, each built anew. Run it: ``python benchmarks/encodings.py``."""

from __future__ import annotations

import time

from robustnas.spaces import Encoding
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.encodings import NASBENCH201_ENCODINGS as ENCODINGS
from robustnas.spaces.nasbench201.twins import twin_labels

REPEATS = 5


def fastest(build: object) -> tuple[float, Encoding]:
    assert callable(build)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        features = build()
        times.append(time.perf_counter() - start)
    return min(times), features


def main() -> None:
    start = time.perf_counter()
    twin_labels()
    print(f"functional classes, once per process: {time.perf_counter() - start:.3f} s")
    print(f"{'encoding':<16} {'columns':>7} {'seconds':>8}   best of {REPEATS}, {space.N_CELLS} cells")
    for name, build in ENCODINGS.items():
        seconds, features = fastest(build)
        print(f"{name:<16} {len(features.names):>7} {seconds:>8.3f}")


if __name__ == "__main__":
    main()
