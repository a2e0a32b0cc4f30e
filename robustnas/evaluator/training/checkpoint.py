"""Files of trainings: checkpoints to resume from, and finished weights.

Both are `torch.save` archives of tensors and plain values, which `torch.load(weights_only=True)` reads, and say what
they are of: an identity of names and values, such as architecture and seed. They are written atomically. The archive's
comment is a SHA-256 of all before it, which detects a damaged file: torch has no checksums.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import nn

from robustnas.atomic import atomic_file
from robustnas.errors import DataError, DataNotFoundError, excerpt

_FORMAT = 1
_CHECKPOINT, _WEIGHTS = "checkpoint", "weights"
_ARCHIVE_START = b"PK\x03\x04"
_MARK = b"RobustNAS sha256 "
_COMMENT_SIZE = len(_MARK) + 64
_FOREIGN = "{} was not written by RobustNAS; name another file, or delete it"


class DamagedFileError(DataError):
    """A file that was a checkpoint or held weights is cut short or has changed."""


def save_checkpoint(path: Path, identity: Mapping[str, str], state: Mapping[str, Any]) -> None:
    """Write a checkpoint: the former file stays whole until the new one is.

    Args:
        path: The file; its folder exists.
        identity: What it is a checkpoint of.
        state: Tensors, numbers, texts, and lists and dicts of those.

    Raises:
        DataError: It cannot be written, for example because the disk is full.
    """
    _write(path, _CHECKPOINT, identity, state)


def load_checkpoint(path: Path, identity: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the state of a checkpoint, its tensors on the CPU.

    If there is no such file, None is returned, and its folder is made for `save_checkpoint`.

    Raises:
        DamagedFileError: It is damaged.
        DataError: It cannot be read, is not a checkpoint, or is of something else; the message says what differs.
    """
    if path.exists():
        return _read(path, _CHECKPOINT, identity)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder {path.parent}: {error.strerror or error}") from error
    return None


def save_weights(path: Path, network: nn.Module, identity: Mapping[str, str], notes: Sequence[str] = ()) -> None:
    """Write the weights and batch norm statistics of a network, and notes on its training; see `save_checkpoint`."""
    _write(path, _WEIGHTS, identity, {"model": plain_state(network), "notes": list(notes)})


def load_weights(path: Path, network: nn.Module, identity: Mapping[str, str]) -> list[str]:
    """Load into `network`, on its own device, what `save_weights` wrote; return the notes.

    Raises:
        DataNotFoundError: There is no such file.
        DamagedFileError: It is damaged.
        DataError: It cannot be read, holds no weights, or those of something else; the message says what differs.
    """
    if not path.exists():
        raise DataNotFoundError(f"no weights at {path}")
    state = _read(path, _WEIGHTS, identity)
    restore(network, state["model"], path)
    return list(state.get("notes", ()))


def plain_state(network: nn.Module) -> dict[str, Any]:
    """Return the state of a network as a plain dict of tensors; they are its own, not copies."""
    return dict(network.state_dict())


def restore(network: nn.Module, state: Mapping[str, Any], path: Path) -> None:
    """Load a state into a network.

    Raises:
        DataError: Names or shapes differ; the message says where, and names `path`.
    """
    own = network.state_dict()
    for name in sorted(own.keys() | state.keys()):
        there, here = (tuple(tensors[name].shape) if name in tensors else "none" for tensors in (state, own))
        if there != here:
            raise DataError(f"{path} is of another network: {name} has the shape {there}, expected {here}")
    network.load_state_dict(state)


def _write(path: Path, kind: str, identity: Mapping[str, str], state: Mapping[str, Any]) -> None:
    content = {"robustnas": kind, "format": _FORMAT, "identity": dict(identity), "state": dict(state)}
    buffer = io.BytesIO()
    torch.save(content, buffer)
    try:
        with atomic_file(path) as file:
            file.write(_sealed(buffer.getvalue()))
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def _read(path: Path, kind: str, identity: Mapping[str, str]) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    _check_seal(path, data)
    content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    if (content["robustnas"], content["format"]) != (kind, _FORMAT):
        found = f"{excerpt(content['robustnas'])} of format {excerpt(content['format'])}"
        raise DataError(f"{path} holds {found}; expected {kind!r} of format {_FORMAT}")
    _check_identity(path, content["identity"], identity)
    state: dict[str, Any] = content["state"]
    return state


def _sealed(archive: bytes) -> bytes:
    """Return an archive without comment with the digest as its comment: a zip file ends in the comment's length."""
    content = archive[:-2] + _COMMENT_SIZE.to_bytes(2, "little")
    return content + _MARK + sha256(content).hexdigest().encode()


def _check_seal(path: Path, data: bytes) -> None:
    """Refuse damaged files, and files of other programs, which may be worth keeping."""
    content, comment = data[:-_COMMENT_SIZE], data[-_COMMENT_SIZE:]
    if comment == _MARK + sha256(content).hexdigest().encode():
        return
    if _MARK in data[-2 * _COMMENT_SIZE :]:
        raise DamagedFileError(f"{path} is damaged: its content has changed")
    empty = not data.strip(b"\0")
    if empty or (data.startswith(_ARCHIVE_START) and not zipfile.is_zipfile(io.BytesIO(data))):
        raise DamagedFileError(f"{path} is damaged: it is {'empty' if empty else 'cut short'}")
    raise DataError(_FOREIGN.format(path))


def _check_identity(path: Path, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    names = [name for name in sorted(found.keys() | expected.keys()) if found.get(name) != expected.get(name)]
    if names:
        pairs = [f"{name} is {excerpt(found.get(name))}, expected {excerpt(expected.get(name))}" for name in names]
        raise DataError(f"{path} is of something else: {'; '.join(pairs)}")
