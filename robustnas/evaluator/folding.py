"""The inference form of any network: batch norms folded into what is before them, where its structure allows that.

`robustnas.evaluator.inference` does more for networks of cells, whose structure it knows. Here PyTorch's symbolic
tracing finds the structure; a network that cannot be traced, or whose folded form gives other logits, stays as it is.
"""

from __future__ import annotations

import copy
import logging
from collections import Counter

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from robustnas.evaluator.normalised import Normalised

_log = logging.getLogger(__name__)

_FOLDS: dict[type, type] = {
    nn.BatchNorm1d: nn.Linear,
    nn.BatchNorm2d: nn.Conv2d,
}  # exact classes: a subclass may do more
_CLOSE = 1e-4  # of the largest logit


def folded_form(model: Normalised, images: Tensor) -> nn.Module:
    """Return a network with its batch norms folded; the network itself, unchanged, where none can be.

    The form is in evaluation mode and has no gradients of parameters. Why there is none is logged at level DEBUG.

    Args:
        model: The network, in evaluation mode.
        images: Some pixels in [0, 1] on its device, shape (n, channels, h, w): the form has to give the same logits.
    """
    plain = model.network if bool((model.mean == 0).all() and (model.std == 1).all()) else model
    try:
        form = fx.symbolic_trace(copy.deepcopy(plain).eval())
        n_folded = _fold(form)
    except Exception as error:  # whatever tracing makes of the user's code
        _log.debug("batch norms are not folded: %s: %s", type(error).__name__, error)
        return model
    if not n_folded:
        return model
    form.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if not _is_same(form, model, images):
        _log.debug("batch norms are not folded: the logits differ")
        return model
    return form


def _fold(form: fx.GraphModule) -> int:
    """Fold the batch norms of a traced network, and return how many that were."""
    modules: dict[str, nn.Module] = dict(form.named_modules())
    calls = Counter(node.target for node in form.graph.nodes if node.op == "call_module")
    n_folded = 0
    for node in list(form.graph.nodes):
        norm = modules.get(str(node.target)) if node.op == "call_module" else None
        if norm is None or type(norm) not in _FOLDS or not node.args:
            continue
        before = node.args[0]
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        layer = modules[str(before.target)]
        if type(layer) is not _FOLDS[type(norm)] or calls[node.target] > 1 or calls[before.target] > 1:
            continue
        form.set_submodule(str(before.target), _fused(layer, norm))
        node.replace_all_uses_with(before)
        form.graph.erase_node(node)
        n_folded += 1
    form.delete_all_unused_submodules()
    form.recompile()
    return n_folded


def _fused(layer: nn.Module, norm: nn.Module) -> nn.Module:
    if isinstance(layer, nn.Linear):
        assert isinstance(norm, nn.BatchNorm1d)
        return fuse_linear_bn_eval(layer, norm)
    assert isinstance(layer, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(layer, norm)


def _is_same(form: nn.Module, model: nn.Module, images: Tensor) -> bool:
    with torch.no_grad():
        found, expected = form(images), model(images)
    tolerance = _CLOSE * max(1.0, float(expected.abs().max()))
    return bool(((found - expected).abs() <= tolerance).all())
