"""Pickled batches read without running them: plain containers and arrays of numbers, and nothing else.

A pickle is a program. The globals that it may ask for are answered here by stand-ins that build arrays from their bytes
in Python; a pickle that asks for any other is refused before anything of it is called. Pickles of Python 2 are read
(CIFAR and the downsampled ImageNet are such), with their strings as Latin-1.
"""

from __future__ import annotations

import io
import math
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from robustnas.arrays import AnyArray
from robustnas.errors import DataError

_NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")


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
    >>> load_dictionary(pickle.dumps({"call": print}), "data_batch_1")
    Traceback (most recent call last):
        ...
    robustnas.errors.DataError: data_batch_1: refused: the pickle asks for builtins.print; expected numbers and arrays
    """
    try:
        found = _Unpickler(io.BytesIO(content)).load()
        if type(found) is not dict:
            raise DataError(f"{where}: holds a pickled {type(found).__name__}; expected a dictionary")
        return {_text(key): value.array() if isinstance(value, _Array) else value for key, value in found.items()}
    except _ForbiddenGlobal as error:
        raise DataError(f"{where}: refused: the pickle asks for {error}; expected numbers and arrays") from None
    except DataError:
        raise
    except Exception as error:  # a damaged pickle is a damaged program: it may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{where}: truncated, or no pickle of numbers and arrays: {reason}") from None


class _ForbiddenGlobal(Exception):
    """The name of a global that is none of the stand-ins."""


class _DType:
    """Stands for numpy.dtype: a type of number, and its byte order."""

    def __init__(self, code: object) -> None:
        self.code = _text(code)

    def __setstate__(self, state: Any) -> None:
        self.code = f"{_text(state[1])}{self.code}"

    def dtype(self) -> np.dtype[Any]:
        if not _NUMBERS.fullmatch(self.code):
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


class _Unpickler(pickle._Unpickler):
    """The unpickler in Python: a damaged pickle can make the one in C fill gigabytes with an empty memo."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="latin1")
        self._globals = _stand_ins()

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in of a global."""
        plain = module.replace("numpy._core", "numpy.core")
        if (plain, name) not in self._globals:
            raise _ForbiddenGlobal(f"{module}.{name}")
        return self._globals[plain, name]

    def persistent_load(self, pid: object) -> Any:
        """Refuse objects kept elsewhere."""
        raise _ForbiddenGlobal(f"the persistent object {pid!r}")


def _stand_ins() -> dict[tuple[str, str], Callable[..., Any] | str]:
    """Return the stand-ins by module and name; new ones for each pickle, as a pickle can change what it gets."""
    return {
        ("numpy", "ndarray"): "numpy.ndarray",
        ("numpy", "dtype"): lambda code, align=0, copy=1: _DType(code),  # noqa: ARG005 (the pickle's arguments)
        ("numpy.core.multiarray", "_reconstruct"): lambda kind, shape, code: _Array(),  # noqa: ARG005
        ("numpy.core.multiarray", "scalar"): lambda kind, data: _from_bytes(data, kind, (), "C").item(),
        ("numpy.core.numeric", "_frombuffer"): lambda data, kind, shape, order: _Array(
            (1, shape, kind, order == "F", data)
        ),
        ("_codecs", "encode"): lambda text, encoding: _bytes(text, encoding),
    }


def _from_bytes(data: object, kind: _DType, shape: Any, order: Any) -> AnyArray:
    content, dtype = _bytes(data), kind.dtype()
    if len(content) != dtype.itemsize * math.prod(shape):
        raise ValueError(f"an array of shape {shape} and dtype {dtype} in {len(content)} bytes")
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _bytes(data: object, encoding: str = "latin1") -> bytes:
    if isinstance(data, str) and encoding in ("latin1", "latin-1"):
        return data.encode("latin1")
    if isinstance(data, bytes | bytearray):
        return bytes(data)
    raise ValueError(f"an array in a {type(data).__name__}; expected bytes")


def _text(data: object) -> str:
    return data.decode("latin1") if isinstance(data, bytes) else str(data)
