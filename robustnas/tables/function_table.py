"""A table of a function of the user's own: it is called for the architectures that a search asks for, once each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeAlias

from robustnas.arrays import FloatArray
from robustnas.errors import EvaluationError, InvalidInputError, ObjectiveError, excerpt, listing
from robustnas.metric import Metric
from robustnas.reference import user_code
from robustnas.spaces import COSTS, EnumerableSpace
from robustnas.tables.array_table import metric_of
from robustnas.tables.growing_table import GrowingTable
from robustnas.tables.noise import NoiseFloor

Measuring: TypeAlias = Callable[[Any], Mapping[str, float]]
"""Takes an architecture and returns numbers by the name of a metric; NaN where one is not known."""


def function_table(
    function: Measuring, space: EnumerableSpace[Any], metrics: str | Iterable[str], name: str = "function"
) -> GrowingTable:
    """Return a table of what a function says of the architectures of a space, however large.

    Args:
        function: Takes an architecture and returns its numbers by metric.
        space: The search space.
        metrics: The metrics that it returns, ours (``clean``, ``pgd@8``: accuracies in [0, 1]) or one's own names.
        name: The dataset's name.

    Raises:
        InvalidInputError: A name cannot be that of a metric, or is that of a cost.

    >>> from robustnas import Oracle
    >>> from robustnas.spaces import ChoiceSpace
    >>> class Digits(ChoiceSpace):
    ...     choices = {f"digit{place}": range(10) for place in range(12)}
    >>> table = function_table(lambda digits: {"total": sum(digits.options)}, Digits(), "total")
    >>> oracle = Oracle("total", table, budget=100)
    >>> oracle.query(oracle.space.parse("index:123456")).score
    21.0
    """
    named = [metrics] if isinstance(metrics, str) else list(metrics)
    if not callable(function):
        raise InvalidInputError(f"function is {excerpt(function)}; expected one of an architecture, to numbers by name")
    if costs := [metric for metric in named if metric in COSTS]:
        raise InvalidInputError(
            f"metrics has {listing(costs)}, which is a cost; define cost(self, architecture) in the space "
            f"{space.name}, or give it another name"
        )
    if not named:
        raise InvalidInputError("metrics is empty; expected the names of the numbers that the function returns")
    return GrowingTable(_FunctionMeasurer(function, space, name), [metric_of(metric) for metric in named])


class _FunctionMeasurer:
    """A `robustnas.tables.growing_table.Measurer` that calls a function and keeps nothing itself."""

    notes: Sequence[str] = ()
    training = ""
    skeleton: Any = None

    def __init__(self, function: Measuring, space: EnumerableSpace[Any], name: str) -> None:
        self._function, self.space, self.name = function, space, name

    def digest(self, metrics: Iterable[Metric]) -> str:
        """Return a SHA-256 of the function's place and the metrics' names."""
        place = [getattr(self._function, name, "") for name in ("__module__", "__qualname__")]
        return sha256(" ".join([*place, *map(str, metrics)]).encode()).hexdigest()

    def stored(self, metric: Metric, group: Iterable[Metric]) -> Mapping[int, float]:  # noqa: ARG002
        """Return nothing: what was measured before is not known."""
        return {}

    def noise(self, group: Iterable[Metric]) -> Mapping[Metric, NoiseFloor]:  # noqa: ARG002
        """Return nothing: every network is measured once."""
        return {}

    def costs(self, name: str, architectures: Sequence[Any]) -> FloatArray:  # noqa: ARG002
        """Refuse: there are no networks to count costs on."""
        raise ObjectiveError(f"the space {self.space.name} has no {name}; define cost(self, architecture) in it")

    def prepare(self, architectures: Sequence[Any], group: Iterable[Metric]) -> None:
        """Do nothing: the function measures one architecture."""

    def measure(
        self,
        architecture: Any,
        metrics: Iterable[Metric],  # noqa: ARG002  all that it returns are kept
        group: Iterable[Metric],
    ) -> Mapping[Metric, float]:
        """Return the numbers of an architecture.

        Raises:
            UserCodeError: The function raised an error.
            EvaluationError: It returned something else than the numbers that were declared.
        """
        with user_code({f"function {getattr(self._function, '__name__', 'of the table')}": self._function}):
            answer = self._function(architecture)
        return {metric: self._checked(architecture, answer, metric) for metric in group}

    def _checked(self, architecture: Any, answer: object, metric: Metric) -> float:
        returned = f"the function of table {self.name} returned {excerpt(answer)} for {architecture}"
        if not isinstance(answer, Mapping):
            raise EvaluationError(f"{returned}; expected numbers by name, as in {{{str(metric)!r}: 0.5}}")
        if str(metric) not in answer:
            raise EvaluationError(f"{returned}; expected {metric} too, as its metrics say")
        try:
            value = float(answer[str(metric)])
        except (TypeError, ValueError):
            raise EvaluationError(f"{returned}; expected {metric} to be a number") from None
        if metric.is_accuracy and (value < 0 or value > 1):
            raise EvaluationError(f"{returned}; expected {metric} to be an accuracy in [0, 1]")
        return value
