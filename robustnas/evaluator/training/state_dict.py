"""Weights of other origin: files with a state dict, such as the published ones of NAS-Bench-201."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import torch

from robustnas.errors import DataError
from robustnas.evaluator.network import Normalised
from robustnas.evaluator.training.checkpoint import restore

_NESTED = ("state_dict", "net", "model")


def load_state_dict(path: Path, model: Normalised) -> None:
    """Load a state dict, without executing what a pickle may hold.

    Args:
        path: A file of `torch.save`: a state dict, or a dict with one as ``state_dict``, ``net`` or ``model``.
        model: The network to load into.

    Raises:
        DataError: The file is missing, is not of this form, or is of another network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise _unreadable(path, error) from error
    except Exception as error:  # torch raises what its parts happen to raise
        raise DataError(f"{path} holds no plain state dict: {str(error).splitlines()[0]}") from error
    for name in _NESTED:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise DataError(f"{path} holds no state dict; expected tensors by name, as torch.save(net.state_dict()) writes")
    restore(model.network, {name.removeprefix("module."): value for name, value in content.items()}, path)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file of weights.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"cannot read the weights {path}: {error.strerror or error}")
