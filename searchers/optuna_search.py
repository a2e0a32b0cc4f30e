"""Optuna's samplers as searchers, through Optuna's own ask-and-tell interface.

Optuna may suggest a point again, or another cell of a known network. Such a suggestion costs no query: the known value
is reported to Optuna and the next suggestion requested, a few times in a row; then an unseen network is enqueued. So is
the nearest unseen one of the space where a suggestion is outside of it.
"""

from __future__ import annotations

import copy
import math
import warnings
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from robustnas.checks import whole_number
from robustnas.errors import SearchError
from robustnas.oracle import Outcome
from robustnas.parameters import constructor_parameters
from searchers.base import LARGEST_COUNT, History, Searcher, UnseenNetworks
from searchers.optuna_encoding import ChoiceEncoding, OptunaEncoding, ScoreEncoding
from searchers.optuna_study import claim, default_name, name_metrics, open_storage, open_study, safe, storage_faults
from searchers.provenance import Provenance

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

STUDY = "study"
"""What outcomes call a study that they were read from."""

_NO_PARAMETERS = ("storage", "study_name", "provenance", "space", "n_objectives")


class _Told(NamedTuple):
    """What is known of a network: its utilities, constraints aside, and its slacks."""

    utilities: tuple[float, ...]
    slacks: tuple[float, ...] = ()

    @property
    def is_feasible(self) -> bool:
        return all(slack >= 0 for slack in self.slacks)


_UNKNOWN = _Told((math.nan,))


class OptunaSearcher(Searcher):
    """A searcher around an Optuna study with one parameter per choice of the space; subclasses choose the sampler.

    The constraints of an outcome are those of its trial (`optuna.trial.Trial.set_constraint`), positive where they are
    violated, in natural units. For a sampler that does not look at them, a trial that violates one fails.

    The study holds scores in natural units, each objective in its own direction, if the searcher is told them by its
    `provenance`; else utilities, all maximised. A trial whose network was known already, and cost no query, has the
    user attribute ``repeat``; the others have the architecture as ``arch``.

    Args:
        rng: The only source of randomness; seeds the sampler.
        storage: Where the study is kept: any Optuna storage URL, such as ``sqlite:///study.db``, which optuna-dashboard
            can open, or ``journal://study.log``; in memory if None.
        study_name: The study's name in the storage; one made of the provenance if None. A study of this name is
            continued with all its trials if it is about the same: provenance, space, searcher and its parameters.
        max_duplicates: Known networks that the sampler may suggest in a row before an unseen one is enqueued.
        provenance: What the outcomes are about.
        problem: `space` and `n_objectives`, as in `Searcher`.

    Raises:
        InvalidInputError: A parameter is out of range.
        SearchError: The storage cannot be opened, the study is about something else, or the sampler needs a package
            that is not installed.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        storage: str | None = None,
        study_name: str | None = None,
        max_duplicates: int = 5,
        provenance: Provenance | None = None,
        **problem: Any,
    ) -> None:
        super().__init__(rng, **problem)
        self.max_duplicates = whole_number("max_duplicates", max_duplicates, at_least=0, at_most=LARGEST_COUNT)
        self._provenance, self._storage = provenance, storage
        self._minimised = provenance.minimised if provenance else (False,) * self.n_objectives
        self._signs = tuple(-1.0 if minimised else 1.0 for minimised in self._minimised)
        self._unseen = UnseenNetworks(rng, self.space)
        self._names = provenance.constraints if provenance else ()
        self._told: dict[int, _Told] = {}
        self._trials: defaultdict[int, list[Trial]] = defaultdict(list)
        self._taken_in: set[int] = set()
        self._encoding = self._encoded()
        seed = int(rng.integers(2**31))
        with nullcontext() if storage is None else storage_faults(storage):
            self.study = self._open_study(self._sampler(seed), study_name)
            if storage is not None:
                self._continue(seed)

    _takes_constraints: ClassVar[bool] = True
    """Whether the sampler looks at the constraints of trials."""

    @abstractmethod
    def _sampler(self, seed: int) -> BaseSampler:
        """Return the seeded sampler."""

    def ask(self) -> Any:
        """Return Optuna's suggestion, or a random unseen network after `max_duplicates` known ones in a row."""
        if self._storage is None:
            return self._ask()
        with storage_faults(self._storage):
            self._take_in()
            return self._ask()

    def tell(self, outcome: Outcome) -> None:
        """Report the outcome to the study; one that was not asked for is added as a finished trial."""
        network = self._network(outcome.cell)
        known, told = network in self._told, _Told(outcome.signed, outcome.slacks)
        self._remember(outcome.cell, told)
        waiting = self._trials.pop(network, [])
        with nullcontext() if self._storage is None else storage_faults(self._storage):
            for trial in waiting:
                self._finish(trial, told)
            if not waiting and not known and self._is_complete(told):
                self._add_finished(outcome.cell, told)

    def _ask(self) -> Any:
        for _ in range(self.max_duplicates + 1):
            trial = self._next_trial()
            architecture = self._encoding.decode(trial.params)
            if architecture not in self.space:
                self._finish(trial, _UNKNOWN)
                return self._enqueued(self._unseen.nearest(architecture))
            if self._unseen.add(architecture):
                return self._proposed(architecture, trial)
            self._answer_duplicate(architecture, trial)
        return self._enqueued(self._unseen.draw())

    def _enqueued(self, architecture: Any) -> Any:
        self.study.enqueue_trial(self._encoding.encode(architecture))
        return self._proposed(architecture, self._next_trial())

    def _open_study(self, sampler: BaseSampler, name: str | None) -> Study:
        provenance, url = self._provenance, self._storage
        identity = self._identity()
        if name is None and url is not None and provenance is not None:
            name = default_name(provenance.label, identity)
        study = open_study(None if url is None else open_storage(url), name, sampler, self._minimised)
        if url is not None:
            claim(study, identity, self._minimised, repr(safe(url)))
        if provenance is not None and study.metric_names is None:
            name_metrics(study, provenance.objectives)
        return study

    def _identity(self) -> dict[str, Any]:
        """Return all that a study is about, as plain data."""
        facts = dict(self._provenance.facts) if self._provenance else {}
        objectives = self._provenance.objectives if self._provenance else self.n_objectives
        n_networks = self.space.n_networks if self.space.is_enumerated else str(self.space.size)
        space = {"name": self.space.name, "n_networks": n_networks}
        return {**facts, "objectives": objectives, "space": space, **self._method()}

    def _method(self) -> dict[str, Any]:
        """Return what suggests the trials, as plain data: the searcher and its parameters."""
        own, _ = constructor_parameters(type(self), n_positional=1)
        parameters = {name: getattr(self, name, None) for name in own if name not in _NO_PARAMETERS}
        return {"searcher": type(self).__name__, "parameters": parameters}

    def _continue(self, seed: int) -> None:
        """Take in the trials of a study that is kept, and let the sampler go on elsewhere than it began."""
        n_trials = len(self.study.get_trials(deepcopy=False))
        outcomes = self._take_in()
        self.history = History(self.study.study_name, n_trials, tuple(outcomes))
        if n_trials:
            self.study.sampler = self._sampler(int(np.random.SeedSequence([seed, n_trials]).generate_state(1)[0] >> 1))

    def _take_in(self) -> list[Outcome]:
        """Remember what the study knows, from before or from other processes, and return what is new to this one."""
        from optuna.trial import TrialState

        found = []
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            if trial.number in self._taken_in:
                continue
            self._taken_in.add(trial.number)
            architecture = self._encoding.decode(trial.params)
            if self._network(architecture) not in self._told:
                slacks = tuple(-trial.constraints.get(name, math.nan) for name in self._names)
                told = _Told(self._signed(trial.values), slacks)
                self._remember(architecture, told)
                found.append(_read(architecture, trial.values, told))
        return found

    def _signed(self, values: Sequence[float]) -> tuple[float, ...]:
        """Return scores as utilities, and the other way round."""
        return tuple(sign * value for sign, value in zip(self._signs, values, strict=True))

    def _encoded(self) -> OptunaEncoding:
        """Return how architectures are written as parameters."""
        return ChoiceEncoding(self.space)

    def _network(self, architecture: Any) -> int:
        return self.space.canonical_list()[self.space.index(architecture)]

    def _next_trial(self) -> Trial:
        try:
            return self.study.ask(self._encoding.distributions)
        except ImportError as error:
            extra = error.name == "torch"
            advice = "install the extra that provides it: pip install 'robustnas[evaluate]'" if extra else "install it"
            raise SearchError(
                f"{type(self).__name__} needs a package that is not installed ({error}); {advice}"
            ) from None

    def _proposed(self, architecture: Any, trial: Trial) -> Any:
        trial.set_user_attr("arch", str(architecture))
        self._trials[self._network(architecture)].append(trial)
        return architecture

    def _answer_duplicate(self, architecture: Any, trial: Trial) -> None:
        trial.set_user_attr("repeat", True)
        network = self._network(architecture)
        if network in self._told:
            self._finish(trial, self._told[network])
        else:
            self._trials[network].append(trial)

    def _finish(self, trial: Trial, told: _Told) -> None:
        from optuna.trial import TrialState

        if not self._is_complete(told):
            self.study.tell(trial, state=TrialState.FAIL)
            return
        for name, value in self._constraints(told).items():
            trial.set_constraint(name, value)
        self.study.tell(trial, self._signed(told.utilities))

    def _add_finished(self, architecture: Any, told: _Told) -> None:
        from optuna.trial import create_trial

        trial = create_trial(
            values=list(self._signed(told.utilities)),
            params=self._encoding.encode(architecture),
            distributions=self._encoding.distributions,
            user_attrs={"arch": str(architecture)},
            constraints=self._constraints(told),
        )
        self.study.add_trial(trial)

    def _is_complete(self, told: _Told) -> bool:
        """Return whether a trial with this answer is complete; else it fails."""
        known = np.isfinite([*told.utilities, *told.slacks]).all()
        return bool(known and (self._takes_constraints or told.is_feasible))

    def _constraints(self, told: _Told) -> dict[str, float]:
        """Return the constraints of a trial by name, positive where they are violated."""
        if not self._takes_constraints:
            return {}
        names = self._names or map(str, range(len(told.slacks)))
        return {name: -slack for name, slack in zip(names, told.slacks, strict=True)}

    def _remember(self, architecture: Any, told: _Told) -> None:
        self._unseen.add(architecture)
        self._told[self._network(architecture)] = told


def _read(architecture: Any, scores: Sequence[float], told: _Told) -> Outcome:
    """Return the outcome that a study kept."""
    utilities = told.utilities if told.is_feasible else (math.nan,) * len(told.utilities)
    unconstrained = told.utilities if told.slacks else ()
    return Outcome(architecture, tuple(scores), utilities, 0.0, STUDY, True, 0.0, told.slacks, unconstrained)


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
    """CMA-ES (Hansen and Ostermeier 2001) over a real score per option; every choice takes its highest-scoring one.

    It knows no constraints.
    """

    _takes_constraints: ClassVar[bool] = False

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import CmaEsSampler

        return CmaEsSampler(seed=seed)

    def _encoded(self) -> OptunaEncoding:
        return ScoreEncoding(self.space)


class OptunaNSGA2(OptunaSearcher):
    """NSGA-II (Deb et al., IEEE TEVC 2002), for several objectives."""

    multi_objective: ClassVar[bool] = True

    def __init__(self, rng: np.random.Generator, *, population_size: int = 30, **study: Any) -> None:
        self.population_size = whole_number("population_size", population_size, at_least=2, at_most=LARGEST_COUNT)
        super().__init__(rng, **study)

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.exceptions import ExperimentalWarning
        from optuna.samplers import NSGAIISampler

        selection = _UtilitySelection(self.population_size, self._signs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return NSGAIISampler(
                seed=seed, population_size=self.population_size, elite_population_selection_strategy=selection
            )


class _UtilitySelection:
    """NSGA-II's survival selection, on maximised utilities whatever the directions of the study.

    Among equal values, Optuna's crowding distance depends on the sign; a search must not.
    """

    def __init__(self, population_size: int, signs: tuple[float, ...]) -> None:
        from optuna.samplers.nsgaii._elite_population_selection_strategy import NSGAIIElitePopulationSelectionStrategy

        self._select = NSGAIIElitePopulationSelectionStrategy(population_size=population_size)
        self._signs = signs

    def __call__(self, study: Study, population: list[FrozenTrial]) -> list[FrozenTrial]:
        from optuna.study import StudyDirection

        by_number = {trial.number: trial for trial in population}
        utilities = [copy.copy(trial) for trial in population]
        for trial in utilities:
            trial.values = [sign * value for sign, value in zip(self._signs, trial.values, strict=True)]
        maximising: Any = SimpleNamespace(directions=[StudyDirection.MAXIMIZE] * len(study.directions))
        return [by_number[trial.number] for trial in self._select(maximising, utilities)]
