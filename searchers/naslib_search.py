"""NASLib's optimizers as searchers: NASLib's code, with scores from our oracle.

NASLib (https://github.com/automl/NASLib) runs its own loop and queries a benchmark for accuracies; an `Inversion`
converts this to ask and tell. NASLib searches a `LightSpace`; while it runs, the process's random states are swapped
for its own.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Collection
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from threadpoolctl import ThreadpoolController

from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, RobustNASError, SearchError, excerpt, unknown_name
from robustnas.naslib.predictor_types import PREDICTOR_TYPES, require
from robustnas.naslib.silence import silence
from robustnas.oracle import Outcome
from robustnas.spaces import Subspace
from robustnas.spaces.nasbench201 import Cell, NASBench201
from searchers.base import LARGEST_COUNT, Searcher, UnseenNetworks
from searchers.inversion import Inversion

if TYPE_CHECKING:
    from robustnas.naslib.global_state import GlobalState

ACQUISITIONS = ("its", "ucb", "ei", "exploit_only")
CANDIDATES = ("mutation", "random_sampling")
_PERCENT = 100.0
_NUDGE = 1e-6


class NASLibSearcher(Searcher):
    """A searcher around an optimizer of NASLib, chosen by subclasses. Parameters have NASLib's names and defaults.

    NASLib often queries the same network again, or another cell of it. Such a query is answered from memory and costs
    nothing; after `max_repeats` in a row, a random unseen network is proposed in between. NASLib is given an outcome
    only when it asks for it. An unknown utility is reported as the worst known one; so is that of a network outside a
    subspace, at no cost.

    Args:
        rng: The only source of randomness; seeds NASLib's generators.
        max_repeats: Maximum number of known networks that NASLib may query in a row.
        problem: `space` (NAS-Bench-201 or a part of it) and `n_objectives` (1), as in `Searcher`.

    Raises:
        InvalidInputError: A parameter is out of range, or the search space is another one.
        MissingPackageError: NASLib, or a package that the optimizer needs, cannot be imported.
        SearchError: NASLib's code fails; raised by `ask`.
    """

    optimizer: ClassVar[str]
    """The optimizer's name in ``naslib.optimizers``."""

    def __init__(self, rng: np.random.Generator, *, max_repeats: int = 50, **problem: Any) -> None:
        super().__init__(rng, **problem)
        whole = self.space.whole if isinstance(self.space, Subspace) else self.space
        if not isinstance(whole, NASBench201):
            raise InvalidInputError(f"{type(self).__name__} searches nasbench201; got {excerpt(self.space)}")
        self.max_repeats = whole_number("max_repeats", max_repeats, at_least=0, at_most=LARGEST_COUNT)
        self._unseen = UnseenNetworks(rng, self.space)
        self._accuracies: dict[int, float] = {}
        self._question: Cell | None = None
        self._state, self._inversion = _turn(self._optimizer(), self._space(), int(rng.integers(2**32)))

    def _optimizer(self) -> Any:
        """Return NASLib's optimizer, or any object with its methods `adapt_search_space` and `new_epoch`."""
        from robustnas.naslib.loading import load

        with silence():
            config = SimpleNamespace(dataset="cifar10", search=SimpleNamespace(**self._config()))
            return getattr(load("optimizers"), self.optimizer)(config)

    def _space(self) -> Any:
        """Return the search space for NASLib; NASLib's own space leads to the same search, but is slower."""
        from robustnas.naslib.light_space import LightSpace

        return LightSpace()

    def _config(self) -> dict[str, Any]:
        """Return the optimizer's own settings: the section ``search`` of NASLib's configuration."""
        return {}

    def ask(self) -> Cell:
        """Return the next network that NASLib queries, or a random unseen one while it waits or repeats itself."""
        for _ in range(self.max_repeats + 1):
            if self._question is not None and self._network(self._question) not in self._accuracies:
                break
            self._question = self._advance()
            cell = self._inside(self._question)
            if cell is None:
                self._accuracies[self._network(self._question)] = self._accuracy(math.nan)
            elif self._unseen.add(cell):
                return cell
        drawn: Cell = self._unseen.draw()
        return drawn

    def tell(self, outcome: Outcome) -> None:
        """Remember an outcome until NASLib asks for it."""
        self._unseen.add(outcome.cell)
        self._accuracies[self._network(outcome.cell)] = self._accuracy(outcome.utility)

    def _inside(self, cell: Cell) -> Cell | None:
        """Return a cell of the same network that is in the space, or None if there is none."""
        if cell in self.space:
            return cell
        same: Cell = self.space.architecture(self._network(cell))
        return same if same in self.space else None

    def _advance(self) -> Cell:
        """Answer the previous query, if any, and return the next one."""
        answer = None if self._question is None else self._accuracies[self._network(self._question)]
        try:
            # for networks and trees this small, one OpenMP thread is best
            with self._state, silence(), _thread_pools(len(sys.modules)).limit(limits=1, user_api="openmp"):
                return self._inversion.advance(answer)
        except RobustNASError:
            raise
        except Exception as error:
            raise SearchError(f"NASLib's {self.optimizer} failed: {type(error).__name__}: {error}") from error

    def _accuracy(self, utility: float) -> float:
        """Return the accuracy reported to NASLib, in percent; if the first two are equal, shift one by a millionth.

        NASLib's predictors divide by the spread of the accuracies seen so far.
        """
        known = self._accuracies.values()
        accuracy = _PERCENT * utility if math.isfinite(utility) else min(known, default=0.0)
        return accuracy + _NUDGE if list(known) == [accuracy] else accuracy

    def _network(self, cell: Cell) -> int:
        return self.space.canonical_list()[cell.index]


class NASLibRandomSearch(NASLibSearcher):
    """NASLib's random search; it draws with replacement."""

    optimizer: ClassVar[str] = "RandomSearch"

    def _config(self) -> dict[str, Any]:
        return {"fidelity": -1}


class NASLibRegularizedEvolution(NASLibSearcher):
    """NASLib's regularized evolution (Real et al., AAAI 2019).

    Args:
        rng: The only source of randomness.
        population_size: Size of the population; the search starts with as many random architectures.
        sample_size: Architectures drawn, with replacement, for each tournament.
        searcher: Parameters of `NASLibSearcher`.
    """

    optimizer: ClassVar[str] = "RegularizedEvolution"

    def __init__(
        self, rng: np.random.Generator, *, population_size: int = 100, sample_size: int = 10, **searcher: Any
    ) -> None:
        self.population_size = whole_number("population_size", population_size, at_least=1, at_most=LARGEST_COUNT)
        self.sample_size = whole_number("sample_size", sample_size, at_least=1, at_most=LARGEST_COUNT)
        super().__init__(rng, **searcher)

    def _config(self) -> dict[str, Any]:
        return {"epochs": 0, "population_size": self.population_size, "sample_size": self.sample_size}


class NASLibLocalSearch(NASLibSearcher):
    """NASLib's local search (White, Nolen and Savani, UAI 2021): all neighbours of the best, then of the next best.

    Args:
        rng: The only source of randomness.
        num_init: Random architectures at the start.
        searcher: Parameters of `NASLibSearcher`.
    """

    optimizer: ClassVar[str] = "LocalSearch"

    def __init__(self, rng: np.random.Generator, *, num_init: int = 10, **searcher: Any) -> None:
        self.num_init = whole_number("num_init", num_init, at_least=1, at_most=LARGEST_COUNT)
        super().__init__(rng, **searcher)

    def _config(self) -> dict[str, Any]:
        return {"epochs": 0, "num_init": self.num_init}


class NASLibNpenas(NASLibSearcher):
    """NASLib's NPENAS (Wei et al., 2020): a predictor selects among mutations of the best architectures.

    Args:
        rng: The only source of randomness.
        predictor_type: A name in `PREDICTOR_TYPES`.
        num_init: Random architectures at the start.
        k: Architectures selected per fit of the predictor.
        num_ensemble: Predictors in the ensemble.
        num_candidates: Mutations scored by the predictor.
        num_arches_to_mutate: Number of best architectures to mutate.
        max_mutations: Successive mutations that make a candidate.
        searcher: Parameters of `NASLibSearcher`.
    """

    optimizer: ClassVar[str] = "Npenas"

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        predictor_type: str = "var_sparse_gp",
        num_init: int = 10,
        k: int = 10,
        num_ensemble: int = 3,
        num_candidates: int = 100,
        num_arches_to_mutate: int = 2,
        max_mutations: int = 1,
        **searcher: Any,
    ) -> None:
        self.predictor_type = _one_of("predictor_type", predictor_type, PREDICTOR_TYPES)
        counts = {"num_init": num_init, "k": k, "num_ensemble": num_ensemble, "max_mutations": max_mutations}
        counts |= {"num_candidates": num_candidates, "num_arches_to_mutate": num_arches_to_mutate}
        self._counts = {
            name: whole_number(name, value, at_least=1, at_most=LARGEST_COUNT) for name, value in counts.items()
        }
        if num_candidates < num_arches_to_mutate * max_mutations:
            raise InvalidInputError(
                f"num_candidates is {num_candidates}; expected at least {num_arches_to_mutate * max_mutations}, "
                f"num_arches_to_mutate * max_mutations: NASLib shares them out and rounds down"
            )
        super().__init__(rng, **searcher)
        require(self.predictor_type)

    def _config(self) -> dict[str, Any]:
        return {"epochs": 0, "encoding_type": None, "predictor_type": self.predictor_type, **self._counts}


class NASLibBananas(NASLibNpenas):
    """NASLib's BANANAS (White, Neiswanger and Savani, AAAI 2021).

    Args:
        rng: The only source of randomness.
        acq_fn_type: ``its`` (independent Thompson sampling), ``ucb``, ``ei`` or ``exploit_only``.
        acq_fn_optimization: ``mutation``, or ``random_sampling``, which queries the accuracy of every candidate.
        parts: Parameters of `NASLibNpenas`.
    """

    optimizer: ClassVar[str] = "Bananas"

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        acq_fn_type: str = "its",
        acq_fn_optimization: str = "mutation",
        **parts: Any,
    ) -> None:
        self.acq_fn_type = _one_of("acq_fn_type", acq_fn_type, ACQUISITIONS)
        self.acq_fn_optimization = _one_of("acq_fn_optimization", acq_fn_optimization, CANDIDATES)
        super().__init__(rng, **parts)

    def _config(self) -> dict[str, Any]:
        acquisition = {"acq_fn_type": self.acq_fn_type, "acq_fn_optimization": self.acq_fn_optimization}
        return {**super()._config(), **acquisition}


NASLIB_SEARCHERS: dict[str, type[NASLibSearcher]] = {
    "naslib:rs": NASLibRandomSearch,
    "naslib:re": NASLibRegularizedEvolution,
    "naslib:ls": NASLibLocalSearch,
    "naslib:bananas": NASLibBananas,
    "naslib:npenas": NASLibNpenas,
}
"""NASLib's optimizers by name; `searchers.create` accepts these names too."""


def _turn(optimizer: Any, search_space: Any, seed: int) -> tuple[GlobalState, Inversion[Cell, float]]:
    """Return the random state of an optimizer's loop, and the loop, which queries accuracies in percent."""
    from robustnas.naslib.dataset_api import dataset_api
    from robustnas.naslib.global_state import GlobalState

    def loop(ask: Callable[[Cell], float]) -> None:
        optimizer.adapt_search_space(search_space, dataset_api=dataset_api(ask))
        for epoch in itertools.count():
            optimizer.new_epoch(epoch)

    return GlobalState(seed), Inversion(loop)


@lru_cache(maxsize=1)
def _thread_pools(n_modules: int) -> ThreadpoolController:  # noqa: ARG001  the key of the cache
    """Return the thread pools of the process; finding them takes milliseconds, and only new modules add new ones."""
    return ThreadpoolController()


def _one_of(name: str, value: object, known: Collection[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise InvalidInputError(unknown_name(name, value, known))
    return value
