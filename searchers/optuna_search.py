"""Optuna's samplers as searchers, through Optuna's own ask-and-tell interface.

Optuna may suggest a point again, or another cell of a known network. Such a suggestion costs no query: the known value
is reported to Optuna and the next suggestion requested, a few times in a row; then an unseen network is enqueued.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from robustnas.checks import whole_number
from robustnas.errors import SearchError
from robustnas.oracle import Outcome
from searchers.base import LARGEST_COUNT, Searcher, UnseenNetworks

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import Trial


class OptunaSearcher(Searcher):
    """A searcher around an Optuna study with one parameter per choice of the space; subclasses choose the sampler.

    Args:
        rng: The only source of randomness; seeds the sampler.
        storage: Any Optuna storage URL, such as ``sqlite:///study.db``, which optuna-dashboard can open; in memory if
            None.
        study_name: The study's name in the storage; an existing study is continued with all its trials.
        max_duplicates: Known networks that the sampler may suggest in a row before an unseen one is enqueued.
        problem: `space` and `n_objectives`, as in `Searcher`; each utility is a maximised objective of the study.

    Raises:
        InvalidInputError: A parameter is out of range.
        SearchError: The storage cannot be opened, or the sampler needs a package that is not installed.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        storage: str | None = None,
        study_name: str | None = None,
        max_duplicates: int = 5,
        **problem: Any,
    ) -> None:
        super().__init__(rng, **problem)
        self.max_duplicates = whole_number("max_duplicates", max_duplicates, at_least=0, at_most=LARGEST_COUNT)
        self._unseen = UnseenNetworks(rng, self.space)
        self._values: dict[int, tuple[float, ...]] = {}
        self._trials: defaultdict[int, list[Trial]] = defaultdict(list)
        self._distributions = self._search_space()
        self.study = _study(self._sampler(int(rng.integers(2**31))), self.n_objectives, storage, study_name)
        for trial in self.study.trials:
            if trial.values is not None:
                self._remember(self._decode(trial.params), tuple(trial.values))

    @abstractmethod
    def _sampler(self, seed: int) -> BaseSampler:
        """Return the seeded sampler."""

    def ask(self) -> Any:
        """Return Optuna's suggestion, or a random unseen network after `max_duplicates` known ones in a row."""
        for _ in range(self.max_duplicates + 1):
            trial = self._next_trial()
            architecture = self._decode(trial.params)
            if architecture not in self.space:
                self._finish(trial, (math.nan,))
            elif self._unseen.add(architecture):
                return self._proposed(architecture, trial)
            else:
                self._answer_duplicate(architecture, trial)
        architecture = self._unseen.draw()
        self.study.enqueue_trial(self._encode(architecture))
        return self._proposed(architecture, self._next_trial())

    def tell(self, outcome: Outcome) -> None:
        """Report the outcome to the study; one that was not asked for is added as a finished trial."""
        network = self._network(outcome.cell)
        known = network in self._values
        self._remember(outcome.cell, outcome.utilities)
        waiting = self._trials.pop(network, [])
        for trial in waiting:
            self._finish(trial, outcome.utilities)
        if not waiting and not known:
            self._add_finished(outcome)

    def _search_space(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import CategoricalDistribution

        return {name: CategoricalDistribution(options) for name, options in self.space.choices.items()}

    def _decode(self, params: dict[str, Any]) -> Any:
        return self.space.from_choices({name: params[name] for name in self.space.choices})

    def _encode(self, architecture: Any) -> dict[str, Any]:
        return self.space.choices_of(architecture)

    def _network(self, architecture: Any) -> int:
        return self.space.canonical_list()[self.space.index(architecture)]

    def _next_trial(self) -> Trial:
        try:
            return self.study.ask(self._distributions)
        except ImportError as error:
            advice = "install the extra that provides it: pip install 'robustnas[evaluate]'"
            raise SearchError(
                f"{type(self).__name__} needs a package that is not installed ({error}); {advice}"
            ) from None

    def _proposed(self, architecture: Any, trial: Trial) -> Any:
        trial.set_user_attr("arch", str(architecture))
        self._trials[self._network(architecture)].append(trial)
        return architecture

    def _answer_duplicate(self, architecture: Any, trial: Trial) -> None:
        network = self._network(architecture)
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
            attributes = {"arch": str(outcome.cell)}
            values = list(outcome.utilities)
            self.study.add_trial(
                create_trial(values=values, params=params, distributions=self._distributions, user_attrs=attributes)
            )

    def _remember(self, architecture: Any, utilities: tuple[float, ...]) -> None:
        self._unseen.add(architecture)
        self._values[self._network(architecture)] = utilities


class OptunaTPE(OptunaSearcher):
    """Tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011; several objectives: Ozaki et al. 2022)."""

    multi_objective: ClassVar[bool] = True

    def __init__(self, rng: np.random.Generator, *, n_startup_trials: int = 10, **study: Any) -> None:
        self.n_startup_trials = whole_number("n_startup_trials", n_startup_trials, at_least=1, at_most=LARGEST_COUNT)
        super().__init__(rng, **study)

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import TPESampler

        return TPESampler(seed=seed, n_startup_trials=self.n_startup_trials)


class OptunaGP(OptunaSearcher):
    """Optuna's Gaussian process with expected improvement; needs torch (extra ``evaluate``)."""

    multi_objective: ClassVar[bool] = True

    def __init__(self, rng: np.random.Generator, *, n_startup_trials: int = 10, **study: Any) -> None:
        self.n_startup_trials = whole_number("n_startup_trials", n_startup_trials, at_least=1, at_most=LARGEST_COUNT)
        super().__init__(rng, **study)

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import GPSampler

        return GPSampler(seed=seed, n_startup_trials=self.n_startup_trials)


class OptunaCMAES(OptunaSearcher):
    """CMA-ES (Hansen and Ostermeier 2001) over a real score per option; every choice takes its highest-scoring one."""

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import CmaEsSampler

        return CmaEsSampler(seed=seed)

    def _search_space(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import FloatDistribution

        choices = self.space.choices.items()
        return {f"{name}:{option}": FloatDistribution(0.0, 1.0) for name, options in choices for option in options}

    def _decode(self, params: dict[str, Any]) -> Any:
        choices = self.space.choices.items()
        return self.space.from_choices(
            {name: max(options, key=lambda option: params[f"{name}:{option}"]) for name, options in choices}
        )

    def _encode(self, architecture: Any) -> dict[str, Any]:
        own = self.space.choices_of(architecture)
        choices = self.space.choices.items()
        return {f"{name}:{option}": float(option == own[name]) for name, options in choices for option in options}


class OptunaNSGA2(OptunaSearcher):
    """NSGA-II (Deb et al., IEEE TEVC 2002), for several objectives."""

    multi_objective: ClassVar[bool] = True

    def __init__(self, rng: np.random.Generator, *, population_size: int = 30, **study: Any) -> None:
        self.population_size = whole_number("population_size", population_size, at_least=2, at_most=LARGEST_COUNT)
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
