"""Stochastic gradient descent on a schedule: on a CPU PyTorch's own, on a GPU one that a CUDA graph can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from robustnas.evaluator.training.training_config import TrainingConfig


class DeviceSGD(torch.optim.SGD):
    """SGD whose learning rate and momentum are numbers on the device: a graph takes those of the moment it is replayed.

    PyTorch's own reads them on the CPU. Its formulas are the same; results differ by rounding.

    Args:
        parameters: On one device.
        config: The recipe.
        device: Where they are.

    Attributes:
        rate: The learning rate of the next step, float32, no dimensions.
        momentum: The momentum of the next step, likewise.
    """

    def __init__(self, parameters: Iterable[Tensor], config: TrainingConfig, device: torch.device) -> None:
        momentum = config.momentum_at(0, 0, 1)
        super().__init__(
            parameters, config.learning_rate, momentum, 0, config.weight_decay, config.nesterov, foreach=True
        )
        self.rate, self.momentum = torch.zeros((), device=device), torch.zeros((), device=device)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Take a step; no number is read from the device."""
        assert closure is None
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if parameters:
                self._move(parameters, group["weight_decay"], has_momentum=group["momentum"] > 0)

    def _move(self, parameters: list[Tensor], decay: float, *, has_momentum: bool) -> None:
        given = [parameter.grad for parameter in parameters if parameter.grad is not None]
        gradients = list(torch._foreach_add(given, parameters, alpha=decay))
        if has_momentum:
            buffers = [self._buffer(parameter) for parameter in parameters]
            torch._foreach_mul_(buffers, self.momentum)
            torch._foreach_add_(buffers, gradients)
            if self.defaults["nesterov"]:
                torch._foreach_add_(gradients, torch._foreach_mul(buffers, self.momentum))
            else:
                gradients = buffers
        torch._foreach_add_(parameters, torch._foreach_mul(gradients, -self.rate))

    def _buffer(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if state.get("momentum_buffer") is None:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        buffer: Tensor = state["momentum_buffer"]
        return buffer


def optimizer_of(parameters: Iterable[Tensor], config: TrainingConfig, device: torch.device) -> torch.optim.SGD:
    """Return the optimizer of a recipe for parameters on a device."""
    if device.type == "cuda":
        return DeviceSGD(parameters, config, device)
    return torch.optim.SGD(parameters, config.learning_rate, config.momentum, 0, config.weight_decay, config.nesterov)


def load_optimizer(optimizer: torch.optim.SGD, state: dict[str, Any]) -> None:
    """Restore the state of an optimizer, which may have been another one of these two: settings stay its own."""
    own = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({**state, "param_groups": own})
