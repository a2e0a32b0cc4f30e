"""Checks of networks that users build: what cannot be trained, attacked or measured is refused before it is.

A network is tried on two images. What is required of it is what everything else here relies on: one tensor of finite
logits per image, gradients of all parameters and of the images, the same answer to the same question in evaluation
mode whatever else is in the batch, and no random numbers in training mode, with which no training could be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustnas.errors import BuildError, described
from robustnas.evaluator.memory import is_out_of_memory
from robustnas.spaces.nasbench201.network import CellNetwork

_same = partial(torch.allclose, rtol=1e-3, atol=1e-4)  # logits that differ by rounding alone


def check_network(model: nn.Module, shape: tuple[int, int, int], n_classes: int) -> None:
    """Refuse a network that cannot be trained, attacked and measured; it is left as it was.

    Args:
        model: What takes pixels in [0, 1].
        shape: Of an image: channels, height, width.
        n_classes: How many logits are expected.

    Raises:
        BuildError: Says what is wrong, without saying of which network.
    """
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise BuildError("it has no parameters that are trained")
    images = torch.rand((2, *shape), generator=torch.Generator().manual_seed(0))
    with _unchanged(model), torch.enable_grad():
        _check_training(model, images, n_classes)
        _check_evaluation(model.eval(), images, n_classes)


def check_built_again(model: nn.Module, again: nn.Module) -> None:
    """Refuse a network that does not begin anew each time it is built with the same seed.

    Args:
        model: What was built.
        again: What was built in the same way after that.

    Raises:
        BuildError: They share weights, or begin with different ones.
    """
    own = {id(parameter) for parameter in model.parameters()}
    if any(id(parameter) in own for parameter in again.parameters()):
        raise BuildError(
            "it returned weights that it had returned before: what is trained for one network would be where another "
            "begins; make its modules in build"
        )
    first, second = model.state_dict(), again.state_dict()
    differ = [name for name, value in first.items() if name in second and not torch.equal(value, second[name])]
    if differ or first.keys() != second.keys():
        what = f"its weights {differ[0].removeprefix('network.')}" if differ else "its modules"
        raise BuildError(
            f"{what} are others each time it is built with the same seed: draw random numbers with torch alone"
        )


def _check_training(model: nn.Module, images: Tensor, n_classes: int) -> None:
    """Check a pass in training mode, forwards and back."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    inputs = images.clone().requires_grad_()
    logits = _logits(model.train(), inputs, n_classes)
    if not logits.requires_grad:
        raise BuildError("its logits depend on no parameter as far as gradients go: forward detaches them")
    F.cross_entropy(logits, torch.zeros(len(images), dtype=torch.int64)).backward()  # type: ignore[no-untyped-call]
    if inputs.grad is None:
        raise BuildError(
            "its logits have no gradient by the images, which attacks follow: forward detaches, rounds or ignores them"
        )
    unused = [name for name, value in model.named_parameters() if value.requires_grad and value.grad is None]
    if unused and not any(isinstance(module, CellNetwork) for module in model.modules()):
        more = f" and {len(unused) - 1:,} more get" if len(unused) > 1 else " gets"
        name = unused[0].removeprefix("network.")
        raise BuildError(
            f"its parameter {name}{more} no gradient: forward does not use it; leave it out, or freeze it by "
            "requires_grad_(False)"
        )
    model.load_state_dict(before)
    if not _same(logits, _logits(model, images, n_classes)):
        raise BuildError(
            "it draws random numbers in training mode, as dropout does: the same training would end with other weights;"
            " leave dropout out, and use weight decay or augmentation"
        )


def _check_evaluation(model: nn.Module, images: Tensor, n_classes: int) -> None:
    """Check passes in evaluation mode."""
    with torch.no_grad():
        together, again = _logits(model, images, n_classes), _logits(model, images, n_classes)
        if not _same(together, again):
            raise BuildError(
                "it gives the same images other logits each time in evaluation mode, as dropout does that is always "
                "on: F.dropout needs training=self.training"
            )
        alone = torch.cat([_logits(model, image[None], n_classes) for image in images])
    if not _same(together, alone):
        raise BuildError(
            "the logits of an image depend on the others of its batch in evaluation mode, as with batch norm in "
            "training mode or without running statistics"
        )


def _logits(model: nn.Module, images: Tensor, n_classes: int) -> Tensor:
    expected = f"expected forward(images) to return logits of shape {(len(images), n_classes)}"
    try:
        logits = model(images)
    except Exception as error:  # whatever the user's code raises
        if is_out_of_memory(error):
            raise
        raise BuildError(
            f"it failed on images of shape {tuple(images.shape)}: {described(error)}; {expected}"
        ) from error
    if not isinstance(logits, Tensor):
        kind = type(logits).__name__
        many = f" of {len(logits)}" if isinstance(logits, tuple | list | dict) else ""
        raise BuildError(f"it returned a {kind}{many}; {expected}, one tensor")
    if tuple(logits.shape) != (len(images), n_classes) or not logits.is_floating_point():
        kind = "" if logits.is_floating_point() else f"{str(logits.dtype).removeprefix('torch.')} "
        raise BuildError(f"it returned {kind}numbers of shape {tuple(logits.shape)}; {expected}")
    if not logits.isfinite().all():
        bad = "NaN" if logits.isnan().any() else "infinite"
        raise BuildError(f"its logits are not finite ({bad}) before any training; {expected}, finite")
    return logits


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Restore a network's state, modes and gradients, and the global generator, afterwards."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [(module, module.training) for module in model.modules()]
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            model.load_state_dict(state)
            model.zero_grad(set_to_none=True)
            for module, mode in modes:
                module.training = mode


def not_a_module(value: object) -> BuildError:
    """Return the error for what is no module."""
    if isinstance(value, type):
        return BuildError(f"it returned the class {value.__name__}; expected a torch.nn.Module: return an instance")
    what = "None" if value is None else f"a {type(value).__name__}"
    return BuildError(f"it returned {what}; expected a torch.nn.Module")
