"""Out of memory: work is tried, and done in smaller batches if it does not fit."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch

from robustnas.evaluator.device import DeviceMemoryError


def fits(work: Callable[[], None]) -> bool:
    """Run some work and return whether memory sufficed; if not, what can be freed is free again."""
    try:
        work()
    except torch.OutOfMemoryError:
        pass  # not handled here: the traceback would keep tensors alive
    else:
        return True
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()
    return False


def in_batches(
    n: int, batch_size: int, run: Callable[[int, int], None], note: Callable[[str], None] = lambda _: None
) -> int:
    """Call ``run(start, stop)`` over `n` images; out of memory, halve the batch and continue.

    Returns:
        The batch size that fitted.

    Raises:
        DeviceMemoryError: One image alone does not fit.
    """
    start = 0
    while start < n:
        stop = min(start + batch_size, n)
        if fits(lambda: run(start, stop)):  # noqa: B023 - called at once
            start = stop
            continue
        if batch_size == 1:
            raise DeviceMemoryError("out of memory with a single image; use a device with more memory, or --device cpu")
        batch_size = max(1, min(batch_size, stop - start) // 2)
        note(f"out of memory: continued with batches of {batch_size}")
    return batch_size
