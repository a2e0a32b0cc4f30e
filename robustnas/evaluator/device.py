"""Devices: where networks are computed, and in which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from robustnas.errors import InvalidInputError
from robustnas.evaluator.memory_size import machine_memory
from robustnas.workers import processors

_BFLOAT16_SINCE, _FLOAT16_SINCE = (8, 0), (7, 0)  # compute capabilities with tensor cores for the type


def available_devices() -> tuple[str, ...]:
    """Return the names that `choose_device` takes on this machine, auto first.

    >>> available_devices()[:2]
    ('auto', 'cpu')
    """
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return ("auto", "cpu", *(["cuda"] if n_gpus else []), *(f"cuda:{index}" for index in range(n_gpus)))


def choose_device(name: str) -> torch.device:
    """Return a device by name.

    Args:
        name: "auto" (a GPU where there is one, else the CPU), "cpu", "cuda", or "cuda:1" and so on.

    Raises:
        InvalidInputError: A device that is unknown or not there.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    there = available_devices()
    if name not in there:
        raise InvalidInputError(f"device {name!r} is not there; expected one of {', '.join(there)}")
    if name == "auto":
        name = "cuda" if "cuda" in there else "cpu"
    return torch.device(name)


def numbered_device(name: str, number: int) -> str:
    """Return the device of one of several workers, by name: each GPU in turn, where the name stands for all of them.

    Args:
        name: As `choose_device` takes it.
        number: Of the worker, from 0.

    Raises:
        InvalidInputError: A device that is unknown or not there.

    >>> numbered_device("cpu", 3)
    'cpu'
    """
    kind = choose_device(name).type
    if kind == "cuda" and name in ("auto", "cuda"):
        return f"cuda:{number % torch.cuda.device_count()}"
    return kind if name == "auto" else name


def default_workers(name: str) -> int:
    """Return how many workers a machine has use for: one per GPU, or per processor without one; errors as above."""
    if choose_device(name).type == "cuda":
        return torch.cuda.device_count() if name in ("auto", "cuda") else 1
    return processors()


@contextmanager
def threads(n: int | None) -> Iterator[None]:
    """Have torch compute with so many threads on a CPU; None leaves them as they are."""
    former = torch.get_num_threads()
    torch.set_num_threads(n or former)
    try:
        yield
    finally:
        torch.set_num_threads(former)


def device_name(device: torch.device) -> str:
    """Return what records call a device: "cpu", or "cuda:" with the name of the GPU's model."""
    return f"cuda:{torch.cuda.get_device_name(device)}" if device.type == "cuda" else device.type


def device_memory(device: torch.device) -> int:
    """Return the bytes of memory of a device; of the CPU, those of the machine."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return machine_memory()


def autocast_dtype(device: torch.device, mixed_precision: bool | None) -> torch.dtype | None:
    """Return the type that convolutions are computed in under mixed precision, or None for float32.

    Args:
        device: Where.
        mixed_precision: None for the device's default: mixed on GPUs with tensor cores for it, else float32.

    Returns:
        bfloat16 where it is fast (compute capability 8.0 and later, and the CPU if asked for), else float16.
    """
    if mixed_precision is False:
        return None
    if device.type != "cuda":
        return torch.bfloat16 if mixed_precision else None
    capability = torch.cuda.get_device_capability(device)
    if capability >= _BFLOAT16_SINCE:
        return torch.bfloat16
    return torch.float16 if mixed_precision or capability >= _FLOAT16_SINCE else None


@contextmanager
def deterministic_convolutions() -> Iterator[None]:
    """Have cuDNN choose the same, deterministic algorithms every time; the former settings come back afterwards."""
    cudnn = torch.backends.cudnn
    former = cudnn.benchmark, cudnn.deterministic
    cudnn.benchmark, cudnn.deterministic = False, True
    try:
        yield
    finally:
        cudnn.benchmark, cudnn.deterministic = former


@contextmanager
def exact_arithmetic(*, tf32: bool = False) -> Iterator[None]:
    """Compute in float32 as it is, by deterministic algorithms: no TF32, which GPUs use for convolutions otherwise.

    TF32 keeps 10 of the 23 bits of a number, which can decide an attack at a small eps. The former settings come back.

    Args:
        tf32: Use TF32 all the same, for products and convolutions.
    """
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    former = convolutions.allow_tf32, products.allow_tf32
    convolutions.allow_tf32 = products.allow_tf32 = tf32
    try:
        with deterministic_convolutions():
            yield
    finally:
        convolutions.allow_tf32, products.allow_tf32 = former
