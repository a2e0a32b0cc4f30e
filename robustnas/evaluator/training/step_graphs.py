"""CUDA graphs: work that was captured once is launched whole, kernels of several networks side by side.

PyTorch's rules for a capture are kept: what is captured ran before on a stream other than the default one, allocates
from the graph's own pool, reads nothing from the device, and finds its inputs where they were.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch

_STEPS_AHEAD = 2  # of the device: progress stays true, and Ctrl-C is heard

Work = Callable[[], None]


class StepGraphs:
    """Captures the steps of several networks as parallel branches of CUDA graphs.

    Args:
        device: A GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._streams: list[torch.cuda.Stream] = []
        self._launched: deque[torch.cuda.Event] = deque()

    @contextmanager
    def lane(self, number: int) -> Iterator[None]:
        """Work on the stream of a branch; what was launched before is done before, what comes afterwards, after it."""
        stream, outside = self._stream(number), torch.cuda.current_stream(self._device)
        stream.wait_stream(outside)
        try:
            with torch.cuda.stream(stream):
                yield
        finally:
            outside.wait_stream(stream)

    def capture(self, branches: Sequence[Work]) -> Work:
        """Capture some work, each piece as one branch of a graph, and return what launches it; nothing is computed.

        Raises:
            RuntimeError: It cannot be captured; out of memory, `torch.OutOfMemoryError`.
        """
        graph, trunk = torch.cuda.CUDAGraph(), self._trunk
        streams = [self._stream(number) for number in range(len(branches))]
        # thread_local: what another thread of the process does meanwhile, such as a progress bar, is no error
        with (
            torch.cuda.device(self._device),
            torch.cuda.graph(graph, pool=self._pool, stream=trunk, capture_error_mode="thread_local"),
        ):
            for stream in streams:
                stream.wait_stream(trunk)
            try:
                for branch, stream in zip(branches, streams, strict=True):
                    with torch.cuda.stream(stream):
                        branch()
            finally:  # an error would be lost in that of a graph with loose ends
                for stream in streams:
                    trunk.wait_stream(stream)
        return graph.replay

    def pace(self) -> None:
        """Wait until the device is at most a few steps behind."""
        event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self._device))
        self._launched.append(event)
        if len(self._launched) > _STEPS_AHEAD:
            self._launched.popleft().synchronize()

    def wait(self) -> None:
        """Wait until all that was launched is done."""
        torch.cuda.synchronize(self._device)
        self._launched.clear()

    @cached_property
    def _pool(self) -> Any:
        """The memory of all graphs: they are launched one after the other, and leave nothing there for the next."""
        return torch.cuda.graph_pool_handle()

    @cached_property
    def _trunk(self) -> torch.cuda.Stream:
        return _new_stream(self._device)

    def _stream(self, number: int) -> torch.cuda.Stream:
        while len(self._streams) <= number:
            self._streams.append(_new_stream(self._device))
        return self._streams[number]


def graphs_of(device: torch.device, dtype: torch.dtype | None) -> StepGraphs | None:
    """Return what captures the steps of trainings, or None where they are called plainly.

    Args:
        device: Where.
        dtype: The type of mixed precision. With float16, whether a step is taken depends on its gradients, which a
            graph cannot decide.
    """
    return StepGraphs(device) if device.type == "cuda" and dtype is not torch.float16 else None


def _new_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
