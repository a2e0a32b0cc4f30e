"""Fits the embedded benchmark to a published folder, and measures how true it is by cross-validation.

Needs torch: ``python scripts/fit_embedded.py --data DIR --dataset cifar10 --out MODEL.npz``.
The same data, seed and versions give the same file; no global generator is used. See docs/embedded-benchmark.md.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from scipy.optimize import minimize
from scipy.stats import kendalltau
from torch import nn

from robustnas import Database
from robustnas.arrays import AnyArray, FloatArray, IntArray
from robustnas.metric import CORRUPTIONS, PAPER_ATTACKS, Metric
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cost import SKELETONS
from robustnas.spaces.nasbench201.operations import EDGES
from robustnas.spaces.nasbench201.twins import network_twin_labels
from robustnas.tables.embedded.model import KNOTS, SurrogateModel, accuracy, bent, logit, read_model, visibility
from robustnas.tables.embedded.network import (
    COUNT_SCALE,
    StateNetwork,
    carries_signal,
    depends_on_input,
    useful_convolutions,
)
from robustnas.tables.embedded.noise import BEND, LEVELS, NoiseModel
from robustnas.tables.noise import noise_floor

N_MEMBERS = 4
N_STATES, N_HIDDEN, N_HEAD, N_FACTORS = 20, 28, 48, 14
EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 120, 256, 4e-3, 1e-2
BEND_PENALTY, LARGEST_ERROR = 5.0, 3.0
N_NOISE_FACTORS = 8
NOISE_RANGE, SLOPE_RANGE, BEND_RANGE = (0.01, 0.4), (-0.3, 0.3), (-0.5, 0.2)
"""Bounds of a metric's noise, in logits, its slope and its bend, for columns that are nearly all 0."""
LEAST_VISIBLE, FEWEST_TWINS = 0.5, 30
"""Twins are used where the logit's offset lets at least this much of the noise through, if so many are left."""
SMALLEST_SPREAD = 0.05
"""Spread of a metric's logits, in logits, below which it is not stretched: columns that are nearly all 0."""


class TorchEnsemble(nn.Module):
    """Several `StateNetwork` with gradients, fitted at once; parameters go by the same names, members first."""

    def __init__(self, n_metrics: int, generator: torch.Generator) -> None:
        super().__init__()
        k, h, head, r = N_STATES, N_HIDDEN, N_HEAD, N_FACTORS
        self.start = _normal(generator, k, spread=0.5)
        self.enter, self.enter_bias = _normal(generator, 3, k, h, spread=k**-0.5), _constant(3, 1, h)
        self.leave, self.leave_bias = _normal(generator, 3, h, k, spread=0.7 * h**-0.5), _constant(3, 1, k)
        self.gain = _constant(3, 1, k, value=0.5)
        self.head1, self.bias1 = _uniform(generator, k + 2, head), _constant(head)
        self.head2, self.bias2 = _uniform(generator, head, head), _constant(head)
        self.factors, self.factors_bias = _uniform(generator, head, r), _constant(r)
        self.metrics, self.metrics_bias = _uniform(generator, r, n_metrics), _constant(n_metrics)

    def forward(self, ops: torch.Tensor, held: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        """Return standardised predictions, shape (members, n, m); see `StateNetwork.predict`."""
        cells, silu = torch.arange(len(ops)), nn.functional.silu
        states, applied = [self.start[:, None].expand(-1, len(ops), -1)], []
        for node in (1, 2, 3):
            applied.append(self._applied(states[-1], held[:, node - 1]))
            edges = [(edge, source) for edge, (source, target) in enumerate(EDGES) if target == node]
            states.append(torch.stack([applied[source][:, ops[:, edge], cells] for edge, source in edges]).sum(0))
        hidden = torch.cat([states[3], counts.expand(N_MEMBERS, -1, -1)], 2)
        hidden = silu(hidden @ self.head1 + self.bias1[:, None])
        hidden = silu(hidden @ self.head2 + self.bias2[:, None])
        factors = hidden @ self.factors + self.factors_bias[:, None]
        return factors @ self.metrics + self.metrics_bias[:, None]

    def _applied(self, state: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
        """Return what the five operations make of a state, shape (members, 5, n, k)."""
        state = state[:, None]
        hidden = nn.functional.silu(state @ self.enter + self.enter_bias)
        out = hidden @ self.leave + self.leave_bias + self.gain * state
        return torch.cat([torch.zeros_like(state), state, out[:, :2], out[:, 2:] * held[:, None]], 1)

    def frozen(self) -> tuple[StateNetwork, ...]:
        """Return the members as numpy arrays, in the precision of the model file."""
        stacks = {name: value.detach().numpy().astype(np.float64) for name, value in self.named_parameters()}
        return tuple(StateNetwork(*(stacks[name][i] for name in StateNetwork._fields)) for i in range(N_MEMBERS))


class Targets:
    """What is fitted: a table's logits, each metric centred on its median and divided by its robust spread.

    Constant networks, which see nothing of the image, are left out of every fit: the model knows they score chance.
    """

    def __init__(self, metrics: tuple[Metric, ...], accuracies: FloatArray, n_classes: int) -> None:
        logits = logit(accuracies)
        self.metrics, self.accuracies, self.n_classes = metrics, accuracies, n_classes
        self.ops = space.all_operations()[space.network_indices()]
        self.seeing = depends_on_input(self.ops)
        self.centre = np.median(logits, axis=0)
        spread = 1.4826 * np.median(np.abs(logits - self.centre), axis=0)
        self.scale = np.maximum(spread, SMALLEST_SPREAD)
        self.standardised = (logits - self.centre) / self.scale


def fit_ensemble(ops: AnyArray, targets: FloatArray, seed: int) -> tuple[StateNetwork, ...]:
    """Fit the networks whose predictions are averaged: AdamW, one cycle of the learning rate, Huber's loss."""
    generator = torch.Generator().manual_seed(seed)
    held = torch.tensor(np.stack(carries_signal(ops), axis=1), dtype=torch.float32)
    counts = torch.tensor(useful_convolutions(ops) / COUNT_SCALE, dtype=torch.float32)
    inputs, wanted = torch.tensor(ops.astype(np.int64)), torch.tensor(targets, dtype=torch.float32)
    ensemble = TorchEnsemble(targets.shape[1], generator)
    optimiser = torch.optim.AdamW(ensemble.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    n_steps = EPOCHS * -(-len(ops) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=n_steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(ops), generator=generator).split(BATCH):
            predicted = ensemble(inputs[batch], held[batch], counts[batch])
            loss = N_MEMBERS * nn.functional.smooth_l1_loss(predicted, wanted[batch].expand_as(predicted))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return ensemble.frozen()


def averages(networks: tuple[StateNetwork, ...], ops: AnyArray) -> FloatArray:
    """Return the ensemble's mean, shape (n, m)."""
    return np.asarray(np.mean([network.predict(ops) for network in networks], axis=0))


def fit_bends(predictions: FloatArray, targets: FloatArray) -> FloatArray:
    """Fit the correction of each metric by ridge regression of the errors, shape (m, 2 + len(KNOTS)).

    The few best networks under a strong attack weigh little in the ensemble's loss, which overrates them.
    """
    penalty = np.diag([0.0, 0.0, *(BEND_PENALTY for _ in KNOTS)]) + 1e-6 * np.eye(2 + len(KNOTS))
    bends = []
    for x, y in zip(predictions.T, targets.T, strict=True):
        terms = np.stack([np.ones_like(x), x, *(np.maximum(x - knot, 0) for knot in KNOTS)], axis=1)
        errors = np.clip(y - x, -LARGEST_ERROR, LARGEST_ERROR)
        bends.append(np.linalg.solve(terms.T @ terms + penalty, terms.T @ errors))
    return np.array(bends)


def fit_predictor(ops: AnyArray, targets: FloatArray, seed: int) -> tuple[tuple[StateNetwork, ...], FloatArray]:
    """Fit the ensemble and its correction."""
    networks = fit_ensemble(ops, targets, seed)
    return networks, fit_bends(averages(networks, ops), targets)


def predict(predictor: tuple[tuple[StateNetwork, ...], FloatArray], ops: AnyArray) -> FloatArray:
    """Return corrected standardised predictions, shape (n, m)."""
    networks, bends = predictor
    return bent(averages(networks, ops), bends)


def cross_validate(targets: Targets, n_folds: int, seed: int) -> FloatArray:
    """Return each network's accuracies as predicted by models that saw none of its functional class, shape (n, m)."""
    labels, ops, seeing = network_twin_labels(), targets.ops, targets.seeing
    fold = (np.random.default_rng(seed).permutation(labels.max() + 1) % n_folds)[labels]
    predictions = np.empty_like(targets.standardised)
    for held_out in range(n_folds):
        start = time.perf_counter()
        train, test = seeing & (fold != held_out), fold == held_out
        predictions[test] = predict(fit_predictor(ops[train], targets.standardised[train], seed), ops[test])
        click.echo(f"fold {held_out + 1} of {n_folds}: {time.perf_counter() - start:.0f} s", err=True)
    accuracies = accuracy(targets.centre + targets.scale * predictions).clip(0, 1)
    return np.where(seeing[:, None], accuracies, 1 / targets.n_classes)


def fit_noise(targets: Targets, predictions: FloatArray) -> NoiseModel:
    """Estimate the noise model from the differences of functional twins to their mean."""
    residuals, rows = twin_residuals(targets.standardised)
    residuals, rows = residuals[targets.seeing[rows]], rows[targets.seeing[rows]]
    seen = visibility(accuracy(targets.centre + targets.scale * predictions[rows]))
    scaled, levels = residuals / np.maximum(seen, LEAST_VISIBLE), np.clip(predictions[rows], *LEVELS)
    fits = [_fit_std(*column) for column in zip(scaled.T, levels.T, seen.T, targets.scale, strict=True)]
    shape = np.array(fits).T
    alone = NoiseModel(*shape, loadings=np.zeros((targets.accuracies.shape[1], 0)))
    return alone._replace(loadings=_loadings(np.corrcoef((scaled / alone.std(levels)).T)))


def twin_residuals(targets: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the twins' deviations from their group's mean, scaled to the variance of one training, and their rows."""
    labels = network_twin_labels()
    size = np.bincount(labels)
    rows = np.flatnonzero((size > 1)[labels])
    means = np.zeros((len(size), targets.shape[1]))
    np.add.at(means, labels, targets)
    n = size[labels[rows]][:, None]
    return (targets[rows] - means[labels[rows]] / n) * np.sqrt(n / (n - 1)), rows


def _fit_std(residuals: FloatArray, levels: FloatArray, seen: FloatArray, scale: float) -> tuple[float, ...]:
    """Fit a metric's deviations by maximum likelihood for Gaussian residuals, where rounding does not hide them.

    Returns:
        Logarithm at level 0, slope, and what is added to the slope above `BEND`.
    """
    clear = seen >= LEAST_VISIBLE
    if clear.sum() >= FEWEST_TWINS:
        residuals, levels = residuals[clear], levels[clear]
    squares = residuals**2 + 1e-6
    terms = np.stack([np.ones_like(levels), levels, np.maximum(levels - BEND, 0)], axis=1)

    def deviance(beta: FloatArray) -> tuple[float, FloatArray]:
        log_variance = 2 * terms @ beta
        excess = 1 - squares * np.exp(-log_variance)
        return float(np.mean(log_variance - excess)), 2 * excess @ terms / len(excess)

    bounds = [np.log(np.array(NOISE_RANGE) / scale), SLOPE_RANGE, BEND_RANGE]
    start = [np.clip(0.5 * np.log(squares.mean()), *bounds[0]), 0.0, 0.0]
    fitted = minimize(deviance, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return tuple(fitted.x.tolist())


def _loadings(correlation: FloatArray, n_factors: int = N_NOISE_FACTORS) -> FloatArray:
    """Return the loadings of a factor model of a correlation matrix (iterated principal axes)."""
    shared = np.full(len(correlation), 0.5)
    for _ in range(200):
        reduced = correlation.copy()
        np.fill_diagonal(reduced, shared)
        values, vectors = np.linalg.eigh(reduced)
        loadings = vectors[:, -n_factors:] * np.sqrt(np.maximum(values[-n_factors:], 0))
        shared = np.minimum((loadings**2).sum(axis=1), 0.98)
    return np.asarray(loadings * np.sqrt(shared / np.maximum((loadings**2).sum(axis=1), 1e-12))[:, None])


def fidelity(targets: Targets, predicted: FloatArray, model: SurrogateModel, seed: int) -> list[dict[str, Any]]:
    """Return for every metric, and for means of corruptions, how true cross-validated predictions are.

    ``kendall_tau`` and ``r2`` compare with the table over the 6,466 networks. ``tau_ceiling`` is what predicting the
    model itself perfectly would reach if its noise were the truth's. ``rmse`` and ``noise`` are in accuracy.
    """
    predictions, networks = model.predictions(), space.network_indices()
    smooth = model.columns(predictions)[:, networks].T
    noisy = model.columns(predictions, np.random.default_rng(seed))[:, networks].T
    groups = {str(metric): [row] for row, metric in enumerate(targets.metrics)}
    named = {f"corruption:{name}": name for name in CORRUPTIONS} | {"corruption": None}
    for text, name in named.items():
        rows = [i for i, m in enumerate(targets.metrics) if m.kind == name or (not name and m.kind in CORRUPTIONS)]
        groups |= {text: rows} if rows else {}
    arrays = (targets.accuracies, predicted, smooth, noisy)
    return [{"metric": text, **_fidelity(*(a[:, rows].mean(axis=1) for a in arrays))} for text, rows in groups.items()]


def _fidelity(truth: FloatArray, predicted: FloatArray, smooth: FloatArray, noisy: FloatArray) -> dict[str, float]:
    errors = truth - predicted
    values = {
        "kendall_tau": kendalltau(truth, predicted).statistic,
        "tau_ceiling": kendalltau(smooth, noisy).statistic,
        "r2": 1 - (errors**2).sum() / ((truth - truth.mean()) ** 2).sum(),
        "rmse": np.sqrt((errors**2).mean()),
        "noise": noise_floor(truth).std,
        "noise_of_model": noise_floor(noisy).std,
    }
    return {name: round(float(value), 4) for name, value in values.items()}


def listing(rows: list[dict[str, Any]]) -> str:
    """Return the fidelity of all metrics as a Markdown table."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|---" + "|--:" * (len(names) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(str(row[name]) for name in names) + " |" for row in rows)])


def _normal(generator: torch.Generator, *shape: int, spread: float) -> nn.Parameter:
    return nn.Parameter(torch.randn(N_MEMBERS, *shape, generator=generator) * spread)


def _uniform(generator: torch.Generator, fan_in: int, fan_out: int) -> nn.Parameter:
    return nn.Parameter((2 * torch.rand(N_MEMBERS, fan_in, fan_out, generator=generator) - 1) * fan_in**-0.5)


def _constant(*shape: int, value: float = 0.0) -> nn.Parameter:
    return nn.Parameter(torch.full((N_MEMBERS, *shape), value))


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Folder in the published layout; default as robustnas.")
@click.option("--dataset", default="cifar10", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The model file to write.")
@click.option("--report", type=click.Path(path_type=Path), help="A JSON file for the fidelity of every metric.")
@click.option("--folds", default=5, show_default=True, help="Folds of the cross-validation.")
@click.option("--seed", default=0, show_default=True)
def main(data: Path | None, dataset: str, out: Path, report: Path | None, folds: int, seed: int) -> None:
    """Fit the embedded benchmark of one dataset, and measure its fidelity."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    table = Database.open(data)[dataset]
    metrics = tuple(metric for metric in table.metrics if metric.kind in {"clean", *PAPER_ATTACKS, *CORRUPTIONS})
    accuracies = np.stack([table.network_column(metric) for metric in metrics], axis=1)
    targets = Targets(metrics, accuracies, SKELETONS[dataset].n_classes)
    predictor = fit_predictor(targets.ops[targets.seeing], targets.standardised[targets.seeing], seed)
    noise = fit_noise(targets, predict(predictor, targets.ops))
    scales = (targets.centre, targets.scale)
    model = SurrogateModel(dataset, targets.n_classes, table.digest, metrics, *scales, *predictor, noise)
    model.write(out)
    model = read_model(out.resolve())
    click.echo(f"{out}: {model.n_numbers:,} numbers, {out.stat().st_size:,} bytes")
    click.echo(f"the table: {space.N_NETWORKS:,} networks x {len(metrics)} metrics = {accuracies.size:,} numbers")
    rows = fidelity(targets, cross_validate(targets, folds, seed), model, seed)
    click.echo(listing(rows))
    if report is not None:
        content = {"dataset": dataset, "fitted_to": table.digest, "n_numbers": model.n_numbers, "folds": folds}
        report.write_text(json.dumps({**content, "seed": seed, "metrics": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
