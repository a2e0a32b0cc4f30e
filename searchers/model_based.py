"""Model-based search: fit a surrogate to the outcomes, propose the network that maximises an acquisition function.

In an enumerable space every network is a candidate, and the acquisition function is maximised exactly; in a larger one,
candidates are drawn for every query (`searchers.candidate_pool`). Several objectives are handled by expected
hypervolume improvement (`searchers.hypervolume_improvement`) in turn with random hypervolume scalarisation (Zhang and
Golovin, ICML 2020): such a query draws a direction and proposes the network whose optimistic utilities reach farthest
in that direction. Objectives that are known in advance, costs, need no model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import FloatArray, IntArray
from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, SearchStalled, unknown_name
from robustnas.oracle import Outcome
from robustnas.pareto import pareto_ranks
from robustnas.spaces import EnumerableSpace, Subspace
from searchers.acquisition import ACQUISITIONS, Prediction, is_improvement
from searchers.base import Searcher
from searchers.belief import Belief, network_distances, network_features
from searchers.beliefs import make_belief
from searchers.candidate_pool import CandidatePool
from searchers.feasibility import Feasibility, is_feasible, weighed
from searchers.hypervolume_improvement import OPTIMISM, hypervolume_improvement, hypervolume_scalarisation
from searchers.initial_design import SpaceFilling, maximin
from searchers.prior import Prior, checked_priors, start
from searchers.targets import TARGETS
from surrogates.incremental_gp import Distances

Known: TypeAlias = FloatArray | Callable[[EnumerableSpace[Any]], FloatArray]
"""Utilities that are known before any query: of all architectures, or a function to those of a list."""

FEATURES = "path, path-statistics+cost, graph"
CANDIDATES = ("space", "mutations")
INITIAL_DESIGNS = ("maximin", "random")
_N_PARENTS = 10
_PLAUSIBLE = 0.1  # of the largest probability of feasibility: what is less likely is not worth the volume of boxes
_N_INITIAL_SEVERAL = 30
_N_BESIDES_PRIOR = 3  # networks far apart, so that what a prior chose has something to compare with
_SETTLED = 50  # networks, before a search with a prior leaves what the prior has brought it to
_MOST_CANDIDATES = 100_000
_DECIMALS = 9  # ties between similar networks are broken at random, not by a machine's rounding in linear algebra


@dataclass(frozen=True)
class Preset:
    """Default parts of a model-based searcher.

    Attributes:
        surrogate: A name in `surrogates.SURROGATES`.
        encoding: Encodings joined by ``+``; a comma separates groups of the GP's kernel.
        acquisition: A name in `searchers.acquisition.ACQUISITIONS`.
        candidates: ``space``, or ``mutations`` of the ten best networks so far.
        initial: ``maximin`` (networks far apart) or ``random``.
        n_initial: Size of the initial design.
        targets: A name in `searchers.targets.TARGETS`.
        explore: One query of so many goes to the network farthest from those proposed; 0 for none.
        parameters: The surrogate's own parameters.
    """

    surrogate: str
    encoding: str
    acquisition: str = "alternating"
    candidates: str = "space"
    initial: str = "maximin"
    n_initial: int = 10
    targets: str = "standardised"
    explore: int = 0
    parameters: Mapping[str, object] = field(default_factory=dict)


class ModelBasedSearch(Searcher):
    """Fits a surrogate to the outcomes so far and proposes the network that maximises the acquisition function.

    Args:
        rng: The only source of randomness.
        surrogate: A name in `surrogates.SURROGATES`, or one of NASLib's, such as ``naslib:xgb``.
        encoding: Encodings joined by ``+``; a comma separates groups with a length scale each in the GP's kernel.
            Defaults to the preset's encoding, or to the space's if it does not provide that one.
        acquisition: ``ei``, ``noisy-ei``, ``ucb``, ``alternating``, ``thompson`` or ``independent-thompson``.
        candidates: ``space``: every network, or a random 100,000 of a space that has more; ``mutations``: neighbours of
            the ten best networks so far, as in BANANAS. In a space that is not enumerated, mutants of these networks,
            with ``space`` random architectures as well.
        initial: ``maximin``: networks far apart in the encoding; ``random``: random networks.
        n_initial: Size of the initial design. If None, the preset's: 10, or 20 for trees; or three more than `n_prior`
            with a prior; or 30 with several objectives, whose best networks lie in different parts of the space. All
            networks of a space that has fewer.
        targets: How utilities are scaled for the model of a single objective: ``standardised``, ``normal-scores`` of
            their ranks, or ``alternating``, both in turns of two queries.
        explore: After the initial design, one query of so many goes to the network farthest from those proposed, in
            the encoding; 0 for none. With several objectives, none does.
        prior: What is known before: one `Prior`, or several. Until 50 networks were proposed, a search that trusts its
            prior takes the first view of its targets only, and does not explore.
        n_prior: Networks of the initial design that priors choose: those that they rank highest.
        known_utilities: Per objective, the utilities of all architectures, shape (space.size,), where they are known
            before any query, or a function that returns those of a list of architectures; None where they are not.
            Used with several objectives only.
        problem: `space` and `n_objectives`, as in `Searcher`. With several objectives, ``ei`` and ``noisy-ei`` stand
            for expected hypervolume improvement, ``alternating`` for that and random scalarisation in turn, and the
            others for random scalarisation of optimistic utilities.

    Raises:
        InvalidInputError: A part is unknown (names the nearest known one), or the surrogate does not support the
            encoding.
        MissingPackageError: The surrogate needs NASLib, which cannot be imported.
    """

    multi_objective: ClassVar[bool] = True
    preset: ClassVar[Preset] = Preset("gp", FEATURES)

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        surrogate: str | None = None,
        encoding: str | None = None,
        acquisition: str | None = None,
        candidates: str | None = None,
        initial: str | None = None,
        n_initial: int | None = None,
        targets: str | None = None,
        explore: int | None = None,
        prior: Prior | Sequence[Prior] | str | Sequence[str] | None = None,
        n_prior: int = 5,
        known_utilities: Sequence[Known | None] | None = None,
        **problem: Any,
    ) -> None:
        super().__init__(rng, **problem)
        preset = self.preset
        self.encoding = encoding or _preset_encoding(preset, self.space)
        self._pool = None if self.space.is_enumerated else CandidatePool(self.space, self.encoding, rng)
        self.priors = checked_priors(prior, self.space)
        self.space = self._pool.space if self._pool else _candidate_space(self.space, rng, whole=bool(self.priors))
        self.surrogate = _checked_surrogate(surrogate or preset.surrogate, self.encoding)
        self.acquisition = _known("acquisition", acquisition or preset.acquisition, ACQUISITIONS)
        self.candidates = _known("candidates", candidates or preset.candidates, CANDIDATES)
        self.initial = _known("initial design", initial or preset.initial, INITIAL_DESIGNS)
        n_prior = whole_number("n_prior", n_prior, at_least=0)
        n_initial = self._default_design(n_prior) if n_initial is None else n_initial
        self.n_initial = min(whole_number("n_initial", n_initial, at_least=2), self.space.n_networks)
        self.n_prior = min(n_prior, self.n_initial)
        self.targets = _known("targets", targets or preset.targets, TARGETS)
        self.explore = whole_number("explore", preset.explore if explore is None else explore, at_least=0)
        self._views = TARGETS[self.targets] if self.n_objectives == 1 else TARGETS["standardised"]
        self._known_utilities = known_utilities
        self._known = self._known_rows(known_utilities)
        self._beliefs = [self._make_beliefs() for _ in self._views]
        self._filling: SpaceFilling | None = None
        self._to_start = self._initial_rows()
        self._rows: list[int] = []
        self._place: dict[int, int] = {}
        self._values: list[tuple[float, ...] | None] = []
        self._slacks: list[tuple[float, ...] | None] = []
        self._feasibility = Feasibility(self._maker())
        self._best_mean = 0.0
        self._centre, self._scale = np.zeros(self.n_objectives), np.ones(self.n_objectives)

    def ask(self) -> Any:
        """Return a network of the initial design, then the acquisition's choice.

        Raises:
            SearchStalled: Every network was proposed.
        """
        row = self._next_initial()
        if row is None:
            self._renew()
            row = self._choose()
        architecture = self._architecture(row)
        self._add(architecture, row)
        return architecture

    def tell(self, outcome: Outcome) -> None:
        """Record the utilities; the model is updated at the next `ask`."""
        if self._pool is None:
            row = int(self.space.network_of_index()[self.space.index(outcome.cell)])
        else:
            row = self._pool.row(outcome.cell)
        if row >= 0 or self._pool:
            place = self._add(outcome.cell, row)
            self._values[place] = outcome.signed
            self._slacks[place] = outcome.slacks

    def _architecture(self, row: int) -> Any:
        return self.space.architecture(int(self.space.network_indices()[row]))

    def _network(self, architecture: Any, row: int) -> int:
        """Return what tells a network apart: its row, or its number in a space that is not enumerated."""
        return self._pool.network(architecture) if self._pool else row

    def _renew(self) -> None:
        """Draw other candidates in a space that is not enumerated; rows are those of these from here on."""
        if self._pool is None:
            return
        former = np.array(self._rows, dtype=np.int64)
        self._pool.renew(self._parents(), anywhere=self.candidates == "space")
        self.space, self._rows = self._pool.space, list(range(len(self._rows)))
        for belief in chain(*self._beliefs):
            belief.move(self._pool.features, former)
        self._feasibility.move(self._pool.features, former)
        self._known = self._known_rows(self._known_utilities)
        self._filling = None

    def _make_beliefs(self) -> list[Belief]:
        """Return the belief about each objective before any outcome."""
        make = self._maker()
        return [make(priors=self.priors, objective=objective) for objective in range(self.n_objectives)]

    def _maker(self) -> Callable[..., Belief]:
        """Return what makes beliefs; it does not hold this object, whose arrays a cycle of references would keep."""
        own = self.surrogate == self.preset.surrogate
        parameters: dict[str, Any] = dict(self.preset.parameters) if own else {}
        make = partial(make_belief, self.surrogate, self.encoding, self.space, self.rng, **parameters)
        return make if self._pool is None else partial(make, pool=self._pool)

    def _known_rows(self, utilities: Sequence[Known | None] | None) -> list[FloatArray | None]:
        """Return utilities that are known in advance by row, one entry per objective."""
        if utilities is None or self.n_objectives == 1:
            return [None] * self.n_objectives
        if len(utilities) != self.n_objectives:
            expected = f"expected one entry for each of {self.n_objectives} objectives"
            raise InvalidInputError(f"known_utilities has {len(utilities)} entries; {expected}")
        indices = self.space.network_indices()
        columns = [known(self.space) if callable(known) else known for known in utilities]
        return [None if column is None else np.asarray(column, dtype=float)[indices] for column in columns]

    def _default_design(self, n_prior: int) -> int:
        if self.n_objectives > 1:
            return _N_INITIAL_SEVERAL
        return n_prior + _N_BESIDES_PRIOR if self.priors else self.preset.n_initial

    def _initial_rows(self) -> list[int]:
        if self.initial == "random":
            rows: list[int] = self.rng.permutation(self.space.n_networks)[: self.n_initial].tolist()
        else:
            rows = maximin(self._all_features(), self.n_initial, self.rng)
        first = start(self.priors, self.n_objectives, self.n_prior) if self.priors else []
        others = [row for row in rows if row not in first]
        return [*first, *others][: self.n_initial][::-1]

    def _all_features(self) -> FloatArray:
        groups = self._pool.features.groups if self._pool else network_features(self.encoding, self.space)
        return np.concatenate(groups, axis=1)

    def _next_initial(self) -> int | None:
        while self._to_start:
            row = self._to_start.pop()
            if self._network(self._architecture(row), row) not in self._place:
                return row
        return None

    def _add(self, architecture: Any, row: int) -> int:
        """Take a network among those proposed, and return its place among them."""
        network = self._network(architecture, row)
        if network not in self._place:
            self._place[network] = len(self._rows)
            self._rows.append(row)
            self._values.append(None)
            self._slacks.append(None)
            if self._pool:
                self._pool.proposed.append(architecture)
        return self._place[network]

    def _choose(self) -> int:
        allowed = self._allowed()
        if not len(allowed):
            drawn = "that were found" if self._pool else ""
            raise SearchStalled(f"every one of the {self.space.n_networks} networks {drawn} was proposed")
        values = self._standardised()
        if values is None:  # nothing known, or nothing to tell apart
            return int(self.rng.choice(allowed))
        if self._explores():
            return self._farthest(allowed)
        score = np.round(self._constrained_score(values)[allowed], _DECIMALS)
        return int(allowed[self.rng.choice(np.flatnonzero(score == score.max()))])

    def _explores(self) -> bool:
        """Return whether it is space filling's turn: not where constraints would make most of it useless."""
        n = len(self._rows)
        due = bool(self.explore) and n % self.explore == 0
        return due and self._is_free() and self.n_objectives == 1 and not self._feasibility.was_violated

    def _is_free(self) -> bool:
        """Return whether the search may leave what a prior has brought it to."""
        return not self.priors or len(self._rows) >= _SETTLED or self._beliefs[0][0].trust < 0.5

    def _farthest(self, allowed: IntArray) -> int:
        """Return the allowed network farthest from those proposed: a model that is sure of a mistake stays there."""
        if self._filling is None and self._pool:
            self._filling = SpaceFilling([Distances(group, most=0) for group in self._pool.features.groups])
        elif self._filling is None:
            self._filling = SpaceFilling(network_distances(self.encoding, self.space))
        return self._filling.farthest(self._rows, allowed, self.rng)

    def _allowed(self) -> IntArray:
        free = np.ones(self.space.n_networks, dtype=bool)
        free[self._rows] = False
        if self.candidates == "mutations" and not self._pool and (near := self._mutations() & free).any():
            return np.flatnonzero(near)
        return np.flatnonzero(free)

    def _mutations(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Return which networks are one choice away from the best so far (by the first utility)."""
        near = np.zeros(self.space.n_networks, dtype=bool)
        each = zip(self._values, self._rows, self._counted(), strict=True)
        told = [(value[0], row) for value, row, counted in each if value is not None and counted]
        best = sorted((pair for pair in told if np.isfinite(pair[0])), reverse=True)[:_N_PARENTS]
        lists, indices = self.space.neighbour_lists(), self.space.network_indices()
        neighbours = [index for _, row in best for index in lists[int(indices[row])]]
        near[self.space.network_of_index()[neighbours]] = True
        return near

    def _parents(self) -> list[Any]:
        """Return the ten best networks so far, to be mutated; of several objectives, those nearest to the front."""
        assert self._pool is not None
        told = [
            (value, architecture)
            for value, architecture, counted in zip(self._values, self._pool.proposed, self._counted(), strict=True)
            if value is not None and counted and np.isfinite(value).all()
        ]
        if not told:
            return []
        ranks = pareto_ranks(np.array([value for value, _ in told]))
        order = np.lexsort((self.rng.random(len(told)), ranks))
        return [told[i][1] for i in order.tolist()[:_N_PARENTS]]

    def _standardised(self) -> FloatArray | None:
        """Return utilities with mean 0 and standard deviation 1, shape (n, n_objectives); None if they do not differ.

        Unknown utilities (NaN) count as the worst seen; pending ones stay NaN.
        """
        told = [value is not None for value in self._values]
        unknown = (np.nan,) * self.n_objectives
        values = np.array([unknown if value is None else value for value in self._values], dtype=float)
        known = values[told]
        if not len(known) or not np.isfinite(known).any(axis=0).all():
            return None
        known = np.where(np.isfinite(known), known, np.nan)
        worst = np.nanmin(known, axis=0)
        values[told] = np.where(np.isnan(known), worst, known)
        self._centre, self._scale = values[told].mean(axis=0), values[told].std(axis=0)
        if not (self._scale > 0).all():
            return None
        return np.asarray((values - self._centre) / self._scale)

    def _constrained_score(self, values: FloatArray) -> FloatArray:
        """Return the score of every network, weighed by the probability that it satisfies the constraints."""
        probability = self._feasibility.probability(self._rows, self._slacks)
        if probability is None:
            return self._score(values)
        if not is_feasible(self._slacks).any():
            return probability
        score = self._score(values, probability)
        if is_improvement(self.acquisition, len(self._rows)):
            return weighed(score, probability)
        found = score[np.array(self._rows)[self._counted()]]
        return weighed(score, probability, self._best_mean if self.n_objectives == 1 else float(found.max()))

    def _score(self, values: FloatArray, probability: FloatArray | None = None) -> FloatArray:
        n = len(self._rows)
        turn = n // 2 % len(self._views) if self._is_free() else 0  # acquisitions alternate within it
        beliefs, columns = self._beliefs[turn], [self._views[turn](column) for column in values.T]
        predictions = [self._prediction(i, beliefs[i], column) for i, column in enumerate(columns)]
        if len(predictions) == 1:
            return ACQUISITIONS[self.acquisition](predictions[0], self.rng)
        mean = np.array([prediction.mean for prediction in predictions]).T
        std = np.array([prediction.std for prediction in predictions]).T
        counted = self._counted()
        lows = np.nanmin(values[counted], axis=0)
        for i, known in enumerate(self._known):
            if known is not None:  # the worst of all networks, not only of those seen
                lows[i] = mean[:, i].min()
        if is_improvement(self.acquisition, len(self._rows)):
            found = np.where(np.isnan(values), mean[self._rows], values)[counted]
            sources = zip(beliefs, self._known, strict=True)
            noise = [belief.noise if known is None else 0.0 for belief, known in sources]
            allowed = self._allowed()
            if probability is not None:
                allowed = allowed[probability[allowed] >= _PLAUSIBLE * probability[allowed].max()]
            return hypervolume_improvement(mean, np.sqrt(std**2 + noise), found, lows, allowed)
        return hypervolume_scalarisation(mean + OPTIMISM * std - lows, self.rng)

    def _prediction(self, objective: int, belief: Belief, values: FloatArray) -> Prediction:
        """Return what is believed of an objective, or what is known of it."""
        known = self._known[objective]
        if known is None:
            return self._predict(belief, values)
        mean = (known - self._centre[objective]) / self._scale[objective]
        best = float(np.nanmax(values))
        return Prediction(mean, np.zeros(len(mean)), best, best, len(self._rows), lambda _: mean)

    def _predict(self, belief: Belief, values: FloatArray) -> Prediction:
        mean, std = belief.update(self._rows, values)
        counted = self._counted()
        seen = mean[np.array(self._rows)[counted]]
        best_seen, self._best_mean = float(np.nanmax(values[counted])), float(seen.max())
        return Prediction(mean, std, best_seen, self._best_mean, len(self._rows), belief.draw)

    def _counted(self) -> NDArray[np.bool_]:
        """Return which of the networks proposed are to be improved on: the feasible ones, if there are any."""
        if not any(self._slacks):  # no constraints: pending ones count too, by their prediction
            return np.ones(len(self._rows), dtype=np.bool_)
        feasible = is_feasible(self._slacks)
        return feasible if feasible.any() else np.ones(len(self._rows), dtype=np.bool_)


def _checked_surrogate(name: str, encoding: str) -> str:
    if name != "gp":  # avoids loading the libraries of the other surrogates
        from surrogates import check_pair

        check_pair(name, encoding)
    return name


def _preset_encoding(preset: Preset, space: EnumerableSpace[Any]) -> str:
    parts = {part.strip() for part in preset.encoding.replace(",", "+").split("+")}
    return preset.encoding if parts <= set(space.encodings) else space.default_encoding


def _known(kind: str, name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    if name not in known:
        raise InvalidInputError(unknown_name(kind, name, known))
    return name


def _candidate_space(space: EnumerableSpace[Any], rng: np.random.Generator, *, whole: bool) -> EnumerableSpace[Any]:
    """Return the space, or a random part of one of which predictions would fill the memory, unless `whole`."""
    if whole or space.n_networks <= _MOST_CANDIDATES:
        return space
    kept = np.zeros(space.n_networks, dtype=bool)
    kept[rng.choice(space.n_networks, _MOST_CANDIDATES, replace=False)] = True
    return Subspace(space, kept)
