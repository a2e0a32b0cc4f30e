"""Files of weights of other origin: which state dict in them is meant. Nothing that a pickle may hold is executed.

State dicts come bare, or in dictionaries of `torch.save`: NAS-Bench-201's own results have them as ``net_state_dict``,
its API returns one for each training seed, its archives hold results by dataset and seed, trainers wrap them as
``state_dict`` or ``model``.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robustnas.errors import DataError, InvalidInputError, NotationError, excerpt
from robustnas.spaces.nasbench201.cell import Cell

_NESTED = ("net_state_dict", "model_state_dict", "state_dict", "model", "net", "network", "full", "all_results")
_DEPTH = 8
_ARCHIVE = b"PK\x03\x04"
_LFS = b"version https://git-lfs"
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_EXPECTED = "expected tensors by name, as torch.save(net.state_dict(), FILE) writes"


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """A state dict of a file.

    Attributes:
        path: The file.
        state: Tensors by name.
        digest: The SHA-256 of the file, and of what was chosen in it if there was a choice.
        arch: The architecture that the file says it is of; None if it does not say.
    """

    path: Path
    state: Mapping[str, Tensor] = field(repr=False)
    digest: str
    arch: Cell | None = None

    @classmethod
    def read(cls, path: Path, *, dataset: str = "", seed: int | None = None) -> WeightsFile:
        """Read a file.

        Args:
            path: The file.
            dataset: The name of the image data, for files that hold the weights of several datasets.
            seed: The training seed, for files that hold the weights of several.

        Raises:
            DataError: It is missing, damaged, no such file, or holds no state dict; says what it holds.
            InvalidInputError: It holds the weights of several seeds, and none or another one was named; says which.
        """
        path = path.expanduser()
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"cannot read the weights {path}: {error.strerror or error}") from error
        search = _Search(path, dataset, seed)
        state = search.state(_load(path, content))
        digest = sha256(content).hexdigest()
        if search.chosen:
            digest = sha256(f"{digest} {' '.join(search.chosen)}".encode()).hexdigest()
        return cls(path, state, digest, search.arch)


def _load(path: Path, content: bytes) -> Any:
    _check_kind(path, content)
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its parts happen to raise
        text = str(error)
        if named := _GLOBAL.search(text):
            raise DataError(
                f"{path}: refused: it holds more than tensors, an object of {named[1]}, which loading would execute; "
                f"save the weights alone: torch.save(net.state_dict(), FILE)"
            ) from None
        if "TorchScript" in text:
            raise DataError(f"{path} is a TorchScript archive; {_EXPECTED}") from None
        reason = excerpt(text.splitlines()[0]) if text else type(error).__name__
        raise DataError(f"{path} holds no plain state dict, or is damaged: {reason}; {_EXPECTED}") from None


def _check_kind(path: Path, content: bytes) -> None:
    """Refuse files that are easily told from weights."""
    start = content[:1024].lstrip().lower()
    if not content.strip(b"\0"):
        raise DataError(f"{path} is empty; download or copy it again")
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise DataError(f"{path} is a web page, not weights; download the file that the page shows")
    if start.startswith(_LFS):
        raise DataError(f"{path} is a pointer of Git LFS, not weights; `git lfs pull` fetches them")
    if content.startswith(_ARCHIVE) and not zipfile.is_zipfile(io.BytesIO(content)):
        raise DataError(f"{path} is cut short; download or copy it again")


class _Search:
    """The way down to one state dict."""

    def __init__(self, path: Path, dataset: str, seed: int | None) -> None:
        self.path, self.dataset, self.seed = path, dataset, seed
        self.chosen: list[str] = []
        self.found_seed = False
        self.arch: Cell | None = None

    def state(self, content: Any) -> Mapping[str, Tensor]:
        """Return the state dict that is meant."""
        for _ in range(_DEPTH):
            if not isinstance(content, Mapping) or not content:
                break
            self._note_arch(content)
            if _is_state(content):
                return self._checked(content)
            below = self._below(content)
            if below is None:
                break
            content = below
        what = f"the keys {_some(content)}" if isinstance(content, Mapping) else f"a {type(content).__name__}"
        raise DataError(f"{self.path} holds no state dict but {what}; {_EXPECTED}")

    def _below(self, content: Mapping[Any, Any]) -> Any:
        """Return what is one level down; None if nothing there can be meant."""
        named = [name for name in _NESTED if isinstance(content.get(name), Mapping)]
        if named:
            return content[named[0]]
        mappings = {key: value for key, value in content.items() if isinstance(value, Mapping)}
        if mappings and len(mappings) == len(content) and all(map(_is_run, mappings)):
            return self._of_run(mappings)
        return next(iter(mappings.values())) if len(content) == len(mappings) == 1 else None

    def _of_run(self, runs: Mapping[Any, Any]) -> Any:
        """Return the weights of one training among several, by seed or by dataset and seed."""
        datasets = {_dataset(key) for key in runs}
        if datasets != {""} and len(datasets) > 1 and self.dataset not in datasets:
            raise InvalidInputError(
                f"{self.path} holds the weights of trainings on {', '.join(sorted(datasets))}, none on "
                f"{self.dataset or 'these images'}"
            )
        mine = {
            int(_seed(key)): value for key, value in runs.items() if len(datasets) == 1 or _dataset(key) == self.dataset
        }
        there = ", ".join(map(str, sorted(mine)))
        if self.seed is None and len(mine) > 1:
            raise InvalidInputError(f"{self.path} holds the weights of the training seeds {there}; choose one of them")
        seed = next(iter(mine)) if self.seed is None else self.seed
        if seed not in mine:
            raise InvalidInputError(f"{self.path} holds no weights of the training seed {seed}, but of {there}")
        if len(runs) > 1:
            self.chosen.append(f"{self.dataset} {seed}" if datasets != {""} else f"seed {seed}")
        self.found_seed = True
        return mine[seed]

    def _note_arch(self, content: Mapping[Any, Any]) -> None:
        text = content.get("arch_str")
        if isinstance(text, str):
            try:
                self.arch = Cell.parse(text)
            except NotationError:
                return

    def _checked(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        if self.seed is not None and not self.found_seed:
            raise InvalidInputError(f"{self.path} does not hold weights by training seed; leave the seed out")
        return state


def _is_state(content: Mapping[Any, Any]) -> bool:
    return all(isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items())


def _is_run(key: object) -> bool:
    """Return whether a key is a training seed, or a dataset and a seed."""
    return bool(re.fullmatch(r"\d{1,18}", _seed(key), re.ASCII))


def _seed(key: object) -> str:
    last = key[-1] if isinstance(key, tuple) and len(key) == 2 else key
    return str(last) if isinstance(last, int | str) and not isinstance(last, bool) else ""


def _dataset(key: object) -> str:
    return str(key[0]) if isinstance(key, tuple) and len(key) == 2 else ""


def _some(names: Mapping[Any, Any] | Sequence[Any], most: int = 5) -> str:
    shown = ", ".join(excerpt(name) for name in list(names)[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown or "nothing"
