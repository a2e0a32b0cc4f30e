"""Parameter validation: every error states the parameter's name, its value and what was expected in one sentence."""

from __future__ import annotations

from robustnas.errors import InvalidInputError


def whole_number(name: str, value: object, *, at_least: int, at_most: int | None = None) -> int:
    """Return `value` if it is an integer in range; numpy integers count, booleans do not.

    Raises:
        InvalidInputError: The value is not; the message names the parameter, the value and what was expected.

    >>> whole_number("budget", 0, at_least=1)
    Traceback (most recent call last):
        ...
    robustnas.errors.InvalidInputError: budget is 0; expected an integer of at least 1
    """
    if hasattr(value, "__index__") and not isinstance(value, bool):
        number = int(value.__index__())
        if number >= at_least and (at_most is None or number <= at_most):
            return number
    bounds = f"of at least {at_least}" if at_most is None else f"from {at_least} to {at_most}"
    raise InvalidInputError(f"{name} is {value!r}; expected an integer {bounds}")
