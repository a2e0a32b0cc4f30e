"""Out of memory: work is tried, and done in smaller batches if it does not fit."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch

from robustnas.evaluator.memory_size import DeviceMemoryError

_MESSAGES = (
    "can't allocate memory",
    "not enough memory",
    "Storage size calculation overflowed",
    "CUDA error: out of memory",  # of a CUDA graph that is made
)


def fits(work: Callable[[], None]) -> bool:
    """Run some work and return whether memory sufficed; if not, what can be freed is free again."""
    try:
        work()
    except (torch.OutOfMemoryError, MemoryError):
        pass  # not handled here: the traceback would keep tensors alive
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    else:
        return True
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()
    return False


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory is short: torch does not always have a type of its own for it."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _MESSAGES)


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
            raise DeviceMemoryError(
                "out of memory with a single image; use a device with more memory, or fewer channels"
            )
        batch_size = max(1, min(batch_size, stop - start) // 2)
        note(f"out of memory: continued with batches of {batch_size}")
    return batch_size
