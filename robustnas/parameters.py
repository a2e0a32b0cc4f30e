"""Parameters from plans and the command line, checked against the annotations of the constructor that takes them.

Types are checked here, for everybody's classes alike, by pydantic: strictly, except that a plan has no tuples, paths or
enums and may write 1000 as 1e3. Ranges are for the classes to check, or for their annotations
(``Annotated[int, annotated_types.Ge(1)]``). An annotation that cannot be resolved is not checked.
"""

from __future__ import annotations

import inspect
import json
import typing
import warnings
from collections.abc import Callable, Collection, Mapping
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from robustnas.errors import InvalidInputError, excerpt, unknown_name

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

_MOST = 2**63  # numpy and records hold no larger integer
_WORDS = {
    "bool_type": "true or false",
    "callable_type": "a function",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_type": "an integer",
    "json_invalid": "valid Unicode",
    "list_type": "a list",
    "missing": "one more entry",
    "needs_python_object": "an object that a plan cannot hold",
    "string_type": "a text",
    "tuple_type": "a list",
}
"""Faults in our words, by pydantic's name."""

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def checked_parameters(
    owner: str, cls: type, parameters: Mapping[str, Any], *, reserved: Collection[str] = (), n_positional: int = 0
) -> dict[str, Any]:
    """Return parameters as the constructor of a class takes them.

    Args:
        owner: What has the parameters, for messages, such as ``searcher 'evolution'``.
        cls: The class.
        parameters: Values by name.
        reserved: Names that the caller sets himself.
        n_positional: How many arguments the caller passes by position.

    Raises:
        InvalidInputError: A name that the class does not have (names the nearest one) or that is reserved, or a value
            of another type than its annotation.

    >>> class Annealing:
    ...     def __init__(self, rng, *, temperature: float = 0.02, n_steps: int = 10) -> None: ...
    >>> checked_parameters("searcher 'annealing'", Annealing, {"n_steps": 1e3}, n_positional=1)
    {'n_steps': 1000}
    >>> checked_parameters("searcher 'annealing'", Annealing, {"temperature": "hot"}, n_positional=1)
    Traceback (most recent call last):
        ...
    robustnas.errors.InvalidInputError: searcher 'annealing': temperature is 'hot'; expected a number
    """
    known, is_open = constructor_parameters(cls, n_positional)
    own = [name for name in known if name not in reserved]
    checked = {}
    for name, value in parameters.items():
        if name in reserved:
            others = f"; its own parameters: {', '.join(sorted(own))}" if own else ""
            raise InvalidInputError(f"{owner}: {name} cannot be set as a parameter{others}")
        if name not in known and not is_open:
            raise InvalidInputError(f"{owner}: {unknown_name('parameter', name, own)}")
        checked[name] = _checked(f"{owner}: {name}", value, known.get(name, Any))
    return checked


@cache
def constructor_parameters(cls: type, n_positional: int = 0) -> tuple[Mapping[str, Any], bool]:
    """Return the annotations of a constructor's parameters by name, and whether it takes any others.

    Where a constructor takes ``**keywords``, those of the next base class that has one count too.

    Args:
        cls: The class.
        n_positional: How many arguments the caller passes by position; these are left out.
    """
    found: dict[str, Any] = {}
    for base in cls.__mro__[:-1]:
        if "__init__" not in vars(base):
            continue
        constructor = vars(base)["__init__"]
        taken = list(inspect.signature(constructor).parameters.values())
        for parameter in taken[1 + n_positional :]:
            if parameter.kind in _NAMED:
                found.setdefault(parameter.name, _annotation(constructor, parameter))
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken):
            return found, False
    return found, bool(found) or "__init__" in {name for base in cls.__mro__[:-1] for name in vars(base)}


def _annotation(constructor: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """Return a parameter's annotation; Any where it has none, or one with names that cannot be resolved."""
    if parameter.annotation is parameter.empty:
        return Any
    names = getattr(inspect.unwrap(constructor), "__globals__", {})
    holder: Any = SimpleNamespace(__annotations__={"it": parameter.annotation})
    try:
        return typing.get_type_hints(holder, names, include_extras=True)["it"]
    except Exception:  # an annotation may be any expression, of names imported for type checkers only, say
        return Any


def _checked(name: str, value: Any, annotation: Any) -> Any:
    """Return a value as its annotation wants it."""
    try:
        adapter = None if annotation is Any else _adapter(annotation)
    except TypeError:  # it cannot be hashed: Annotated takes any object
        adapter = _adapter.__wrapped__(annotation)
    if isinstance(value, int) and not -_MOST <= value < _MOST:
        raise InvalidInputError(f"{name} is {excerpt(value)}; expected an integer of at most 64 bits")
    if adapter is None:
        return value
    from pydantic import PydanticUserError, ValidationError

    try:
        fitted = _validated(adapter, value)
        return value if isinstance(fitted, float) else fitted  # 1 stays 1 where a float is expected
    except ValidationError as error:
        if isinstance(value, float) and value.is_integer() and abs(value) < _MOST:
            return _checked(name, int(value), annotation)
        raise InvalidInputError(f"{name} is {excerpt(value)}; expected {_expected(error)}") from None
    except PydanticUserError:  # it names a type that is not defined yet
        return value


def _validated(adapter: TypeAdapter[Any], value: Any) -> Any:
    """Validate what a plan can hold as JSON, where a list may become a tuple, and anything else as it is."""
    try:
        text = json.dumps(value, default=_plain)
    except (TypeError, ValueError, RecursionError):
        return adapter.validate_python(value)
    return adapter.validate_json(text)


def _plain(value: object) -> object:
    """Return a number of numpy as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any] | None:
    """Return what validates values; None for an annotation that says nothing to pydantic."""
    from pydantic import ConfigDict, TypeAdapter

    strict = ConfigDict(strict=True, arbitrary_types_allowed=True, allow_inf_nan=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return TypeAdapter(annotation, config=strict)
        except Exception:  # whatever a type of the user's raises
            return None


def _expected(error: ValidationError) -> str:
    """Return in words what a value should have been."""
    texts = []
    for fault in error.errors(include_url=False, include_input=False):
        where = "".join(f"[{part!r}]" for part in fault["loc"] if isinstance(part, int))
        what = _WORDS.get(fault["type"]) or fault["msg"].removeprefix("Input should be ")
        texts.append(f"{what} at {where}" if where else what)
    return " or ".join(dict.fromkeys(texts))
