"""How a graph is captured: every branch on a stream of its own, forked from one stream and joined to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from robustnas.evaluator.training.step_graphs import StepGraphs


class Card:
    """Stands in for torch.cuda: writes down what is done on which stream."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.current, self.n_streams = "default", 0
        self.OutOfMemoryError = torch.OutOfMemoryError

    def stream_class(self) -> type:
        card = self

        class Stream:
            def __init__(self, device: object = None, name: str = "") -> None:
                self.name = name or f"s{card.n_streams}"
                card.n_streams += not name

            def wait_stream(self, other: Stream) -> None:
                card.log.append(f"{self.name} after {other.name}")

        return Stream

    @contextmanager
    def on(self, stream: Any) -> Iterator[None]:
        former, self.current = self.current, stream.name
        try:
            yield
        finally:
            self.current = former

    def event_class(self) -> type:
        card = self

        class Event:
            def __init__(self, *, blocking: bool) -> None:
                assert blocking  # a thread that spins takes a processor

            def record(self, stream: object) -> None:
                card.log.append("record")

            def synchronize(self) -> None:
                card.log.append("wait")

        return Event

    @contextmanager
    def graph(self, graph: object, *, pool: object, stream: Any, capture_error_mode: str) -> Iterator[None]:
        assert pool == "pool"
        self.log.append(f"begin on {stream.name}")
        try:
            with self.on(stream):
                yield
        finally:
            self.log.append("end")


class Graph:
    def replay(self) -> None:
        pass


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card()
    stream = card.stream_class()
    monkeypatch.setattr(torch.cuda, "Stream", stream)
    monkeypatch.setattr(torch.cuda, "Event", card.event_class())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream(name=card.current))
    monkeypatch.setattr(torch.cuda, "stream", card.on)
    monkeypatch.setattr(torch.cuda, "device", lambda device: card.on(stream(name=card.current)))
    monkeypatch.setattr(torch.cuda, "graph", card.graph)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
    return card


def test_branches_are_forked_before_any_is_joined(card: Card) -> None:
    graphs = StepGraphs(torch.device("cuda"))
    for number in range(2):
        with graphs.lane(number):  # warm-up, on the streams that are captured later
            card.log.append(f"warm-up on {card.current}")
    launch = graphs.capture([lambda: card.log.append(f"work on {card.current}")] * 2)
    assert card.log == [
        "s0 after default",
        "warm-up on s0",
        "default after s0",
        "s1 after default",
        "warm-up on s1",
        "default after s1",
        "begin on s2",
        "s0 after s2",
        "s1 after s2",
        "work on s0",
        "work on s1",
        "s2 after s0",
        "s2 after s1",
        "end",
    ]
    assert launch.__name__ == "replay"


def test_an_error_leaves_no_loose_ends(card: Card) -> None:
    graphs = StepGraphs(torch.device("cuda"))

    def fail() -> None:
        raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        graphs.capture([fail, fail])
    assert card.log[-3:] == ["s0 after s1", "s0 after s2", "end"]
    assert card.current == "default"


def test_the_device_is_at_most_two_steps_behind(card: Card) -> None:
    graphs = StepGraphs(torch.device("cuda"))
    for _ in range(4):
        graphs.pace()
    assert card.log == ["record", "record", "record", "wait", "record", "wait"]
