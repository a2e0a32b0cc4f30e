"""Pickles read without running them: plain containers, and arrays of numbers and text, and nothing else.

A pickle is a program. The globals that it may ask for are answered here by stand-ins that build arrays from their bytes
in Python; a pickle that asks for any other is refused before anything of it is called. Pickles of Python 2 are read
(CIFAR and the downsampled ImageNet are such), with their strings as Latin-1.
"""

from __future__ import annotations

import io
import math
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from robustnas.arrays import AnyArray
from robustnas.errors import DataError, excerpt

StandIn: TypeAlias = Callable[..., Any] | str
"""What a pickle gets for a global that it asks for."""

_NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")
_TEXT = re.compile(r"[<>|=]?[US][1-9][0-9]*")
_PARTS_PER_BYTE = 4  # without sharing, a part takes a byte or more


class ForbiddenError(DataError):
    """A pickle asks for a global that has no stand-in here."""


def load_plain(
    content: bytes,
    where: object,
    stand_ins: Mapping[tuple[str, str], StandIn] | None = None,
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """Read a pickle of plain containers, numbers and text.

    Args:
        content: The pickle.
        where: The file, for messages.
        stand_ins: Further globals that it may ask for, by module and name.
        persistent: Returns what is kept outside the pickle, by its id; None if nothing may be.

    Returns:
        What it holds; arrays of numbers or text as read-only numpy arrays, those of objects as lists of lists.

    Raises:
        ForbiddenError: It asks for another global; names it.
        DataError: It is damaged.

    >>> load_plain(pickle.dumps({"arch": np.array(["#1", "#2"]), "rest": [1, 2.5]}), "t.pkl")
    {'arch': array(['#1', '#2'], dtype='<U2'), 'rest': [1, 2.5]}
    """
    with _explained(where):
        return _Plain(len(content)).of(_Unpickler(io.BytesIO(content), stand_ins or {}, persistent).load())


def load_dictionary(content: bytes, where: object) -> dict[str, Any]:
    """Read a pickled dictionary.

    Args:
        content: The pickle.
        where: The file, for messages.

    Returns:
        Its members by name; those that are arrays of numbers as read-only numpy arrays.

    Raises:
        DataError: It is damaged, no dictionary, or asks for a global that a batch of images does not need; names it.

    >>> load_dictionary(pickle.dumps({"labels": [1, 2]}), "data_batch_1")
    {'labels': [1, 2]}
    >>> load_dictionary(pickle.dumps({"call": len}), "b")
    Traceback (most recent call last):
        ...
    robustnas.safe_pickle.ForbiddenError: b: refused: the pickle asks for builtins.len; expected numbers and arrays
    """
    with _explained(where):
        found = _Unpickler(io.BytesIO(content), {}, None).load()
        if type(found) is not dict:
            raise DataError(f"{where}: holds a pickled {type(found).__name__}; expected a dictionary")
        return {_text(key): value.array() if isinstance(value, _Array) else value for key, value in found.items()}


@contextmanager
def _explained(where: object) -> Iterator[None]:
    """Raise what unpickling raises as errors that name the file."""
    try:
        yield
    except _ForbiddenGlobal as error:
        reason = f"refused: the pickle asks for {error}; expected numbers and arrays"
        raise ForbiddenError(f"{where}: {reason}") from None
    except DataError:
        raise
    except Exception as error:  # a damaged pickle is a damaged program: it may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{where}: truncated, or no pickle of numbers and arrays: {reason}") from None


class _ForbiddenGlobal(Exception):
    """The name of a global that is none of the stand-ins."""


class _Plain:
    """Replaces stand-ins by what they stand for, in containers of any depth.

    Containers that a pickle shares are copied, so that a small one may stand for more than memory holds: the number of
    parts is limited by the size of the pickle.
    """

    def __init__(self, size: int) -> None:
        self._left = _PARTS_PER_BYTE * size + 1000

    def of(self, value: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ValueError("it unfolds to far more parts than it has bytes")
        if isinstance(value, _Array):
            found = value.plain()
            return found if isinstance(found, np.ndarray) else self.of(found)
        if isinstance(value, dict):
            return {self.of(key): self.of(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(self.of, value))
        return value


class _DType:
    """Stands for numpy.dtype: a type of number, and its byte order."""

    def __init__(self, code: object) -> None:
        self.code = _text(code)

    def __setstate__(self, state: Any) -> None:
        self.code = f"{_text(state[1])}{self.code}"

    def dtype(self, *, text: bool = False) -> np.dtype[Any]:
        if not _NUMBERS.fullmatch(self.code) and not (text and _TEXT.fullmatch(self.code)):
            raise ValueError(f"an array of dtype {self.code!r}")
        return np.dtype(self.code)


class _Array:
    """Replaces numpy.ndarray; only what is called array here is ever given to numpy."""

    def __init__(self, state: Any = None) -> None:
        self.state = state

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> AnyArray:
        _, shape, kind, fortran, data = self.state
        return _from_bytes(data, kind, shape, "F" if fortran else "C")

    def plain(self) -> Any:
        """Return an array of numbers or text, or what an array of objects holds: lists of lists, or the one object."""
        _, shape, kind, fortran, data = self.state
        if isinstance(data, list):
            return _nested(data, shape)
        return _from_bytes(data, kind, shape, "F" if fortran else "C", text=True)


class _Unpickler(pickle._Unpickler):
    """The unpickler in Python: a damaged pickle can make the one in C fill gigabytes with an empty memo."""

    def __init__(
        self,
        file: io.BytesIO,
        stand_ins: Mapping[tuple[str, str], StandIn],
        persistent: Callable[[Any], Any] | None,
    ) -> None:
        super().__init__(file, encoding="latin1")
        self._globals = {**_stand_ins(), **stand_ins}
        self._persistent = persistent

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in of a global."""
        plain = module.replace("numpy._core", "numpy.core")
        if (plain, name) not in self._globals:
            raise _ForbiddenGlobal(f"{module}.{name}")
        return self._globals[plain, name]

    def persistent_load(self, pid: object) -> Any:
        """Return an object kept elsewhere, or refuse it."""
        if self._persistent is not None:
            return self._persistent(pid)
        raise _ForbiddenGlobal(f"the persistent object {excerpt(pid)}")


def _stand_ins() -> dict[tuple[str, str], StandIn]:
    """Return the stand-ins by module and name; new ones for each pickle, as a pickle can change what it gets."""
    return {
        ("numpy", "ndarray"): "numpy.ndarray",
        ("numpy", "dtype"): lambda code, align=0, copy=1: _DType(code),  # noqa: ARG005 (the pickle's arguments)
        ("numpy.core.multiarray", "_reconstruct"): lambda kind, shape, code: _Array(),  # noqa: ARG005
        ("numpy.core.multiarray", "scalar"): lambda kind, data: _from_bytes(data, kind, (), "C", text=True).item(),
        ("numpy.core.numeric", "_frombuffer"): lambda data, kind, shape, order: _Array(
            (1, shape, kind, order == "F", data)
        ),
        ("_codecs", "encode"): lambda text, encoding: _bytes(text, encoding),
    }


def _from_bytes(data: object, kind: _DType, shape: Any, order: Any, *, text: bool = False) -> AnyArray:
    content, dtype = _bytes(data), kind.dtype(text=text)
    if len(content) != dtype.itemsize * math.prod(shape):
        raise ValueError(f"an array of shape {shape} and dtype {dtype} in {len(content)} bytes")
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _nested(items: list[Any], shape: Any) -> Any:
    """Return the items of an array of objects as nested lists; its only item if it has no dimensions."""
    if len(items) != math.prod(shape):
        raise ValueError(f"an array of shape {shape} of {len(items)} objects")
    if not shape:
        return items[0]
    places: list[Any] = np.arange(len(items)).reshape(shape).tolist()  # C order, whatever the array's

    def filled(part: Any) -> Any:
        return [filled(item) for item in part] if isinstance(part, list) else items[part]

    return [filled(part) for part in places]


def _bytes(data: object, encoding: str = "latin1") -> bytes:
    if isinstance(data, str) and encoding in ("latin1", "latin-1"):
        return data.encode("latin1")
    if isinstance(data, bytes | bytearray):
        return bytes(data)
    raise ValueError(f"an array in a {type(data).__name__}; expected bytes")


def _text(data: object) -> str:
    return data.decode("latin1") if isinstance(data, bytes) else str(data)
