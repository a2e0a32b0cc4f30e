"""The training-free measures, by name; what computes one is imported when it is used, since most need torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from robustnas.errors import InvalidInputError, unknown_name
from robustnas.spaces import COSTS

if TYPE_CHECKING:
    from robustnas.evaluator.proxies.subject import Subject


@dataclass(frozen=True)
class Proxy:
    """A training-free measure of a freshly initialised network.

    Attributes:
        place: What computes it: a function, by its module in this package.
        title: What it measures, in a few words.
        source: The paper.
        hint: Whether a larger or a smaller value promises a better network, by the paper; for the last two measures of
            `PROXIES`, a more robust one.
        needs: What it reads besides the network's weights: the shape of an image only, images, or their labels too.
        second_order: Whether it needs gradients of gradients.
    """

    place: str
    title: str
    source: str
    hint: Literal["larger", "smaller"]
    needs: Literal["shape", "images", "labels"]
    second_order: bool = False

    @property
    def function(self) -> Callable[[Subject], float]:
        """What computes it, of a network and images; imports torch."""
        module, _, name = self.place.partition(".")
        found: Callable[[Subject], float] = getattr(import_module(f"robustnas.evaluator.proxies.{module}"), name)
        return found


PROXIES: dict[str, Proxy] = {
    "synflow": Proxy("synflow.synflow", "synaptic flow, logarithm", "Tanaka et al. 2020", "larger", "shape"),
    "snip": Proxy("saliency.snip", "connection sensitivity", "Lee et al. 2019", "larger", "labels"),
    "grasp": Proxy("saliency.grasp", "gradient flow lost", "Wang et al. 2020", "larger", "labels", second_order=True),
    "fisher": Proxy("saliency.fisher", "Fisher information of channels", "Turner et al. 2020", "larger", "labels"),
    "grad_norm": Proxy("saliency.grad_norm", "norm of weight gradients", "Abdelfattah et al. 2021", "larger", "labels"),
    "plain": Proxy("saliency.plain", "weights times gradients", "Mozer and Smolensky 1988", "larger", "labels"),
    "jacov": Proxy("jacobian.jacov", "correlation of input gradients", "Mellor et al. 2020", "larger", "images"),
    "nwot": Proxy("nwot.nwot", "log-determinant of activation patterns", "Mellor et al. 2021", "larger", "images"),
    "zen": Proxy("zen.zen", "change of Gaussian features", "Lin et al. 2021", "larger", "shape"),
    "l2_norm": Proxy("size.l2_norm", "norm of weights", "Abdelfattah et al. 2021", "larger", "shape"),
    "params": Proxy("size.params", "trainable parameters", "Ning et al. 2021", "larger", "shape"),
    "flops": Proxy("size.flops", "multiply-accumulates", "Ning et al. 2021", "larger", "shape"),
    "jacobian_norm": Proxy(
        "jacobian.jacobian_norm", "norm of the input-output Jacobian", "Hosseini et al. 2021", "smaller", "images"
    ),
    "hessian": Proxy("curvature.hessian", "curvature of the input loss", "Mok et al. 2021", "smaller", "labels"),
}
"""Every measure, by the name that columns and options use."""


def checked_names(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return names of measures without repetitions.

    Args:
        names: Names, or a text with names separated by commas; ``all`` stands for every one.

    Raises:
        InvalidInputError: An unknown name, or none.

    >>> checked_names("nwot, synflow,nwot")
    ('nwot', 'synflow')
    """
    listed = [part.strip() for part in names.split(",")] if isinstance(names, str) else list(names)
    chosen = [other for name in listed if name for other in (PROXIES if name == "all" else (name,))]
    for name in chosen:
        if name not in PROXIES:
            raise InvalidInputError(unknown_name("measure", name, PROXIES))
    if not chosen:
        raise InvalidInputError(f"no measure is named; expected some of {', '.join(PROXIES)}")
    return tuple(dict.fromkeys(chosen))


def needs_network(names: Iterable[str]) -> bool:
    """Return whether some measures need a network, and torch; parameters and multiply-accumulates are counted.

    >>> needs_network(["params", "flops"]), needs_network(["params", "l2_norm"])
    (False, True)
    """
    return not set(names) <= set(COSTS)
