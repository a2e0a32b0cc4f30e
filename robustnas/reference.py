"""References: a class or function of the user's own, named where a registered name could stand.

``my_file.py:MySearcher`` is one of a file, relative to the working directory; ``my.module:MySearcher`` one of a module
that can be imported, from the working directory too. Both work in plans, on the command line and in worker processes.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from robustnas.errors import InvalidInputError, RobustNASError, UserCodeError, described, excerpt, unknown_name

EXAMPLE = "my_file.py:MyClass or my.module:MyClass"

_OURS = frozenset(("robustnas", "surrogates", "searchers", "experiments", "builtins", "abc"))
_LIBRARIES = ("naslib", "optuna")  # names such as naslib:re are ours, for what a library has
_LONGEST = 4096  # of a path, in most file systems
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def is_reference(name: object) -> bool:
    """Return whether a name refers to a class or function of the user's own instead of a registered one.

    >>> is_reference("my_file.py:MySearcher"), is_reference("my.module:MySearcher"), is_reference("evolution")
    (True, True, False)
    """
    if not isinstance(name, str):
        return False
    place, colon, attribute = name.rpartition(":")
    if name.partition(":")[0] in _LIBRARIES or len(name) > _LONGEST:
        return False
    return bool(colon) and attribute.isidentifier() and (place.endswith(".py") or bool(_MODULE.fullmatch(place)))


def absolute_reference(name: str) -> str:
    """Return a reference that holds in any working directory: to a file by its whole path.

    >>> absolute_reference("my.module:MySpace"), absolute_reference("/tmp/my_file.py:MySpace")
    ('my.module:MySpace', '/tmp/my_file.py:MySpace')
    """
    place, colon, attribute = name.rpartition(":")
    return f"{Path(place).expanduser().resolve()}{colon}{attribute}" if place.endswith(".py") else name


def load_reference(kind: str, name: str) -> Any:
    """Return what a reference names.

    A file is read again when it has changed.

    Args:
        kind: What it is, for messages, such as ``searcher``.
        name: The reference.

    Raises:
        InvalidInputError: There is no such file, module or attribute, or it cannot be imported; says why.
    """
    place, _, attribute = name.rpartition(":")
    try:
        module = _module(place)
    except InvalidInputError as error:
        raise InvalidInputError(f"{kind} {excerpt(name)}: {error}") from None
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        reason = described(error)
        raise InvalidInputError(f"{kind} {excerpt(name)}: {place} cannot be imported: {reason}") from error
    if not hasattr(module, attribute):
        own = [key for key, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
        raise InvalidInputError(f"{kind} {excerpt(name)}: {unknown_name(f'name in {place}:', attribute, own)}")
    return getattr(module, attribute)


@contextmanager
def user_code(methods: Mapping[str, Any]) -> Iterator[None]:
    """Report what code of the user's own raises, as an error that names the code and can be sent between processes.

    Errors of RobustNAS and Ctrl-C pass, and so does everything if all of the methods are RobustNAS's.

    Args:
        methods: The classes or functions that are run, by what messages call them, such as ``searcher 'x.py:X'``.

    Raises:
        UserCodeError: Something else was raised, `SystemExit` included.
    """
    try:
        yield
    except (RobustNASError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        modules = {name: found for name, method in methods.items() if (found := _packages(method) - _OURS)}
        if not modules:
            raise
        raise UserCodeError(_blame(error, modules)) from error


def _packages(method: Any) -> set[str]:
    """Return the packages that a class, its base classes, or a function are defined in."""
    defined = method.__mro__ if isinstance(method, type) else (method,)
    return {getattr(part, "__module__", "").partition(".")[0] for part in defined}


def _blame(error: BaseException, modules: Mapping[str, set[str]]) -> str:
    frames = list(traceback.walk_tb(error.__traceback__))
    packages = [frame.f_globals.get("__name__", "").partition(".")[0] for frame, _ in frames]
    found = ((name, i) for name, own in modules.items() for i, package in enumerate(packages) if package in own)
    last = next(iter(modules)), len(frames) - 1  # it was called in the wrong way, or returned something wrong
    name, first = next(found, last)
    lines = traceback.StackSummary.extract(iter(frames[first:])).format()
    return "".join([f"{name}: {type(error).__name__}: {error}\n", *lines]).rstrip()


def source_digests(names: Iterable[object]) -> dict[str, str]:
    """Return the SHA-256 of the source file of every reference among some names; registered names are left out.

    Raises:
        InvalidInputError: As `load_reference`.
    """
    references = dict.fromkeys(name for name in names if isinstance(name, str) and is_reference(name))
    return {name: sha256(_source(name)).hexdigest() for name in references}


def class_digests(cls: type) -> dict[str, str]:
    """Return the SHA-256 of the source files of a class and its base classes, by file name, the user's own alone.

    What has no file, such as a class of a notebook, is left out.
    """
    modules = dict.fromkeys(part.__module__ for part in cls.__mro__)
    own = [name for name in modules if name.partition(".")[0] not in _OURS | sys.stdlib_module_names]
    files = [file for name in own if (file := getattr(sys.modules.get(name), "__file__", None))]
    return {Path(file).name: sha256(_content(Path(file))).hexdigest() for file in files}


def _source(name: str) -> bytes:
    place = name.rpartition(":")[0]
    if place.endswith(".py"):
        return _content(Path(place))
    load_reference("reference", name)
    file = getattr(sys.modules[place], "__file__", None)
    return Path(file).read_bytes() if file else b""


def _module(place: str) -> ModuleType:
    if not place.endswith(".py"):
        with _importable(Path.cwd()):
            return importlib.import_module(place)
    path = Path(place).expanduser().resolve()
    content = _content(path)
    key = sha256(str(path).encode() + b"\0" + content).hexdigest()[:16]
    name = f"robustnas_user_{key}_{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs, as dataclasses and pickle expect
    try:
        with _importable(path.parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _content(path: Path) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror or error}; expected {EXAMPLE}") from None


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let imports find modules in a folder, after everything that is installed."""
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
