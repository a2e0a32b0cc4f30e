"""The results of an analysis, by name, in the order of the paper."""

from __future__ import annotations

from experiments.paper.correlations import correlations
from experiments.paper.design import design
from experiments.paper.distributions import distributions
from experiments.paper.explanations import explanations
from experiments.paper.noise_floor import noise_floor
from experiments.paper.section import Result
from experiments.paper.side_by_side import side_by_side
from experiments.paper.strategies import strategies
from experiments.paper.trade_offs import trade_offs
from experiments.paper.training_free import training_free
from experiments.paper.transfer import transfer

RESULTS: dict[str, Result] = {
    "distributions": distributions,
    "correlations": correlations,
    "training_free": training_free,
    "strategies": strategies,
    "design": design,
    "noise_floor": noise_floor,
    "trade_offs": trade_offs,
    "transfer": transfer,
    "side_by_side": side_by_side,
    "explanations": explanations,
}
"""A result is one file in this folder and one line here."""
