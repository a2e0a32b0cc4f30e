"""State dicts of other origin: loaded into a network of ours, or refused by the layer that differs."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from robustnas.errors import DataError
from robustnas.evaluator.normalised import Normalised
from robustnas.evaluator.training.weights_file import WeightsFile
from robustnas.spaces.nasbench201.network import CellNetwork
from robustnas.spaces.nasbench201.operations import EDGES, OPERATION_LABELS

_ANCHOR = "stem.0.weight"  # every network has it
_COUNTER = "num_batches_tracked"  # of batch norms; it is used in training alone
_NORMALISATION = ("mean", "std")
_SAME = 1e-3  # of normalised pixels: published means and deviations are rounded
_LAYER = re.compile(r"cells\.(\d+)\.layers\.(\d)\.")


def load_state_dict(weights: WeightsFile, model: Normalised) -> None:
    """Load a state dict into a network.

    Names may all begin with one prefix, such as ``module.``; the counters of batch norms may be absent. A mean and a
    standard deviation beside the network have to be those of ours.

    Args:
        weights: The state dict.
        model: The network to load into.

    Raises:
        DataError: It is of another network, or holds values that are not finite; names the first layer that differs.
    """
    network = model.network
    assert isinstance(network, CellNetwork)
    if weights.arch is not None and weights.arch != network.cell:
        raise DataError(f"{weights.path} is of {weights.arch.arch}, as it says; expected {network.cell.arch}")
    inside, beside = _parted(weights.state)
    own = network.state_dict()
    for name, tensor in own.items():
        if name.endswith(_COUNTER):
            inside.setdefault(name, tensor)
    _check_normalisation(weights, beside, model)
    _check_layers(weights, inside, own, network)
    _check_extra(weights, [*(name for name in inside if name not in own), *beside], network)
    _check_finite(weights, inside)
    network.load_state_dict(inside)


def _parted(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return what is under the network's prefix, without it, and what is not."""
    prefix = next((name.removesuffix(_ANCHOR) for name in state if name.endswith(_ANCHOR)), "")
    inside = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    return inside, {name: value for name, value in state.items() if not name.startswith(prefix)}


def _check_normalisation(weights: WeightsFile, beside: dict[str, Tensor], model: Normalised) -> None:
    """Take mean and standard deviation out of what is beside the network, if they are ours."""
    for name in [name for name in beside if name.rpartition(".")[2] in _NORMALISATION]:
        expected = getattr(model, name.rpartition(".")[2]).flatten()
        found = beside.pop(name).flatten().float()
        if found.shape != expected.shape or not torch.allclose(found, expected, atol=_SAME, rtol=0):
            raise DataError(
                f"{weights.path} normalises pixels by {name} = {_values(found)}; these images by {_values(expected)}"
            )


def _check_extra(weights: WeightsFile, names: list[str], network: CellNetwork) -> None:
    if names:
        more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        shown = ", ".join(map(_short, names[:3]))
        raise DataError(
            f"{weights.path} is of another network: it also holds {shown}{more}; expected none"
            f"{_meaning(names[0], network)}"
        )


def _check_layers(
    weights: WeightsFile, state: Mapping[str, Tensor], own: Mapping[str, Tensor], network: CellNetwork
) -> None:
    differing = [name for name in own if name not in state or _form(state[name]) != _form(own[name])]
    if not differing:
        return
    name = differing[0]
    expected = _form(own[name])
    found = f"is {_form(state[name])}" if name in state else "is not there"
    more = f" ({len(differing) - 1:,} more differ)" if len(differing) > 1 else ""
    raise DataError(
        f"{weights.path} is of another network: {name} {found}, expected {expected}{_meaning(name, network)}{more}"
    )


def _form(tensor: Tensor) -> str:
    """Return the shape of a tensor, and its type where that is not of floating point."""
    kind = "" if tensor.is_floating_point() else f"{tensor.dtype} ".removeprefix("torch.")
    return f"{kind}of shape {tuple(tensor.shape)}"


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:80]}..."


def _meaning(name: str, network: CellNetwork) -> str:
    """Return what a layer of ours is, and why it may differ."""
    if name.startswith("classifier."):
        return f", as the images have {network.n_classes} classes"
    if name.startswith("stem."):
        return f", of {network.in_channels} channels of images and --channels {network.channels}"
    if found := _LAYER.match(name):
        edge = int(found[2])
        source, target = EDGES[edge]
        return f", {OPERATION_LABELS[network.cell.ops[edge]]} from node {source} to {target} of {network.cell.arch}"
    return ""


def _check_finite(weights: WeightsFile, state: Mapping[str, Tensor]) -> None:
    bad = {name: _n_not_finite(tensor) for name, tensor in state.items() if _n_not_finite(tensor)}
    if bad:
        name, n = next(iter(bad.items()))
        tensor = state[name]
        kind = "NaN" if tensor.isnan().any() else "infinite"
        raise DataError(
            f"{weights.path} holds weights that are no numbers: {n:,} of {tensor.numel():,} of {name} are not finite "
            f"({kind}), and {len(bad) - 1} more tensors; its training diverged, or it is damaged"
        )


def _n_not_finite(tensor: Tensor) -> int:
    return int((~tensor.isfinite()).sum()) if tensor.is_floating_point() or tensor.is_complex() else 0


def _values(tensor: Tensor) -> str:
    return ", ".join(f"{value:.3g}" for value in tensor[:4].tolist())
