"""Optuna's samplers as searchers, through Optuna's own ask and tell.

Optuna may suggest a point again, or another cell of a network already known. Such a suggestion costs no query: Optuna
is told the known value at once and asked again, a few times; then a network not seen before is enqueued instead.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from robustnas.checks import whole_number
from robustnas.errors import SearchError
from robustnas.oracle import Outcome
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cell import EDGES, OPERATION_LABELS, Cell
from searchers.base import Searcher, UnseenNetworks

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import Trial

EDGE_NAMES: tuple[str, ...] = tuple(f"{source}->{target}" for source, target in EDGES)
"""The study's parameters: one categorical per edge, source node to target node."""


class OptunaSearcher(Searcher):
    """A searcher around an Optuna study; subclasses choose the sampler.

    Args:
        rng: The only source of randomness; seeds the sampler.
        n_objectives: How many utilities an outcome has; each is a maximised objective of the study.
        storage: Any Optuna storage URL, such as ``sqlite:///study.db``, which optuna-dashboard can open; in memory if
            None.
        study_name: The study's name in the storage; a study that exists is continued with all it knows.
        max_duplicates: Known networks that the sampler may suggest in a row before a new one is enqueued.

    Raises:
        InvalidInputError: A parameter out of range.
        SearchError: The storage cannot be opened, or the sampler needs a package that is not installed.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        n_objectives: int = 1,
        storage: str | None = None,
        study_name: str | None = None,
        max_duplicates: int = 5,
    ) -> None:
        super().__init__(rng, n_objectives=n_objectives)
        self.max_duplicates = whole_number("max_duplicates", max_duplicates, at_least=0)
        self._unseen = UnseenNetworks(rng)
        self._values: dict[int, tuple[float, ...]] = {}
        self._trials: defaultdict[int, list[Trial]] = defaultdict(list)
        self._distributions = self._search_space()
        self.study = _study(self._sampler(int(rng.integers(2**31))), n_objectives, storage, study_name)
        for trial in self.study.trials:
            if trial.values is not None:
                self._remember(self._decode(trial.params), tuple(trial.values))

    @abstractmethod
    def _sampler(self, seed: int) -> BaseSampler:
        """Return the seeded sampler."""

    def ask(self) -> Cell:
        """Return Optuna's suggestion, or a random unseen network after `max_duplicates` known ones in a row."""
        for _ in range(self.max_duplicates + 1):
            trial = self._next_trial()
            cell = self._decode(trial.params)
            if self._unseen.add(cell):
                return self._proposed(cell, trial)
            self._answer_duplicate(cell, trial)
        cell = self._unseen.draw()
        self.study.enqueue_trial(self._encode(cell))
        return self._proposed(cell, self._next_trial())

    def tell(self, outcome: Outcome) -> None:
        """Tell the study; an outcome that was not asked for becomes a finished trial."""
        network = space.canonical_list()[outcome.cell.index]
        known = network in self._values
        self._remember(outcome.cell, outcome.utilities)
        waiting = self._trials.pop(network, [])
        for trial in waiting:
            self._finish(trial, outcome.utilities)
        if not waiting and not known:
            self._add_finished(outcome)

    def _search_space(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import CategoricalDistribution

        return {name: CategoricalDistribution(OPERATION_LABELS) for name in EDGE_NAMES}

    def _decode(self, params: dict[str, Any]) -> Cell:
        return Cell.from_names(params[name] for name in EDGE_NAMES)

    def _encode(self, cell: Cell) -> dict[str, Any]:
        return {name: op.label for name, op in zip(EDGE_NAMES, cell.operations, strict=True)}

    def _next_trial(self) -> Trial:
        try:
            return self.study.ask(self._distributions)
        except ImportError as error:
            advice = "install the extra that brings it: pip install 'robustnas[evaluate]'"
            raise SearchError(
                f"{type(self).__name__} needs a package that is not installed ({error}); {advice}"
            ) from None

    def _proposed(self, cell: Cell, trial: Trial) -> Cell:
        trial.set_user_attr("arch", cell.arch)
        self._trials[space.canonical_list()[cell.index]].append(trial)
        return cell

    def _answer_duplicate(self, cell: Cell, trial: Trial) -> None:
        network = space.canonical_list()[cell.index]
        if network in self._values:
            self._finish(trial, self._values[network])
        else:
            self._trials[network].append(trial)

    def _finish(self, trial: Trial, utilities: tuple[float, ...]) -> None:
        from optuna.trial import TrialState

        if np.isfinite(utilities).all():
            self.study.tell(trial, utilities)
        else:
            self.study.tell(trial, state=TrialState.FAIL)

    def _add_finished(self, outcome: Outcome) -> None:
        from optuna.trial import create_trial

        if np.isfinite(outcome.utilities).all():
            params = self._encode(outcome.cell)
            attributes = {"arch": outcome.cell.arch}
            values = list(outcome.utilities)
            self.study.add_trial(
                create_trial(values=values, params=params, distributions=self._distributions, user_attrs=attributes)
            )

    def _remember(self, cell: Cell, utilities: tuple[float, ...]) -> None:
        self._unseen.add(cell)
        self._values[space.canonical_list()[cell.index]] = utilities


class OptunaTPE(OptunaSearcher):
    """Tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011; several objectives: Ozaki et al. 2022)."""

    multi_objective: ClassVar[bool] = True

    def __init__(self, rng: np.random.Generator, *, n_startup_trials: int = 10, **study: Any) -> None:
        self.n_startup_trials = whole_number("n_startup_trials", n_startup_trials, at_least=1)
        super().__init__(rng, **study)

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import TPESampler

        return TPESampler(seed=seed, n_startup_trials=self.n_startup_trials)


class OptunaGP(OptunaSearcher):
    """Optuna's Gaussian process with expected improvement; needs torch (extra ``evaluate``)."""

    multi_objective: ClassVar[bool] = True

    def __init__(self, rng: np.random.Generator, *, n_startup_trials: int = 10, **study: Any) -> None:
        self.n_startup_trials = whole_number("n_startup_trials", n_startup_trials, at_least=1)
        super().__init__(rng, **study)

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import GPSampler

        return GPSampler(seed=seed, n_startup_trials=self.n_startup_trials)


class OptunaCMAES(OptunaSearcher):
    """CMA-ES (Hansen and Ostermeier 2001) over 6 x 5 real scores, the highest of an edge choosing its operation."""

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import CmaEsSampler

        return CmaEsSampler(seed=seed)

    def _search_space(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import FloatDistribution

        return {f"{edge}:{op}": FloatDistribution(0.0, 1.0) for edge in EDGE_NAMES for op in OPERATION_LABELS}

    def _decode(self, params: dict[str, Any]) -> Cell:
        scores = np.array([params[name] for name in self._distributions]).reshape(len(EDGE_NAMES), -1)
        return Cell(tuple(scores.argmax(axis=1).tolist()))

    def _encode(self, cell: Cell) -> dict[str, Any]:
        chosen = np.eye(len(OPERATION_LABELS))[list(cell.ops)].ravel().tolist()
        return dict(zip(self._distributions, chosen, strict=True))


class OptunaNSGA2(OptunaSearcher):
    """NSGA-II (Deb et al., IEEE TEVC 2002), for several objectives."""

    multi_objective: ClassVar[bool] = True

    def __init__(self, rng: np.random.Generator, *, population_size: int = 30, **study: Any) -> None:
        self.population_size = whole_number("population_size", population_size, at_least=2)
        super().__init__(rng, **study)

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import NSGAIISampler

        return NSGAIISampler(seed=seed, population_size=self.population_size)


def _study(sampler: BaseSampler, n_objectives: int, storage: str | None, study_name: str | None) -> Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directions = [optuna.study.StudyDirection.MAXIMIZE] * n_objectives
    try:
        return optuna.create_study(
            sampler=sampler, directions=directions, storage=storage, study_name=study_name, load_if_exists=True
        )
    except Exception as error:
        if storage is None:
            raise
        raise SearchError(f"Optuna cannot open the storage {storage!r}: {error}") from error
