"""Any sampler of Optuna as a searcher, by name: ``optuna:TPESampler``, or ``optuna:package.module.Class``.

The parameters are those of the sampler's constructor, checked against its annotations. What a sampler can do is found
out by trying it: whether it takes several objectives, and whether it learns from categorical parameters.
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import numpy as np

from robustnas.checks import whole_number
from robustnas.errors import (
    InvalidInputError,
    MissingPackageError,
    RobustNASError,
    SearchError,
    abridged,
    excerpt,
    listing,
    unknown_name,
)
from robustnas.oracle import Outcome
from robustnas.parameters import constructor_parameters
from robustnas.reference import is_reference, load_reference
from robustnas.spaces import EnumerableSpace
from searchers.base import LARGEST_COUNT, refused
from searchers.optuna_encoding import ChoiceEncoding, OptunaEncoding, ScoreEncoding
from searchers.optuna_search import OptunaSearcher

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study

PREFIX = "optuna:"
"""What the names of these searchers begin with."""

SAMPLERS: tuple[str, ...] = tuple(
    f"{PREFIX}{name}Sampler"
    for name in ("BruteForce", "CmaEs", "GP", "Grid", "NSGAII", "NSGAIII", "PartialFixed", "QMC", "Random", "TPE")
)
"""Optuna's own samplers; help and completion list them without importing Optuna."""

_EXAMPLE = "optuna:TPESampler or optuna:package.module.Class"
_DEFAULT = "TPESampler"  # where a sampler needs another one, as in Optuna itself
_ENUMERATING = ("BruteForceSampler", "GridSampler")
_BY_PARAMETER = ("fixed_params", "x0")  # tables whose keys are parameters of trials


class OptunaSampler(OptunaSearcher):
    """A searcher around the sampler of a class; subclasses, which `sampler_searcher` makes, name it.

    A sampler that learns from real parameters and not from categorical ones, such as CMA-ES, is given a real score per
    option (`ScoreEncoding`), any other one categorical parameter per choice.

    Args:
        rng: The only source of randomness; seeds the sampler, if it takes a seed.
        parameters: Those of `OptunaSearcher`, and the sampler's own. A sampler that another one needs is given by name.

    Raises:
        InvalidInputError: The sampler needs a parameter, refuses one, or takes one objective only.
        MissingPackageError: The sampler needs a package that is not installed.
        SearchError: As `OptunaSearcher`.
    """

    multi_objective: ClassVar[bool] = True  # until it is tried
    sampler: ClassVar[type[BaseSampler]]

    def __init__(self, rng: np.random.Generator, **parameters: Any) -> None:
        ours, _ = constructor_parameters(OptunaSearcher, n_positional=1)
        self._own = {name: value for name, value in parameters.items() if name not in ours}
        for name, value in self._own.items():
            if isinstance(value, int) and value > LARGEST_COUNT:
                whole_number(name, value, at_least=0, at_most=LARGEST_COUNT)
        super().__init__(rng, **{name: value for name, value in parameters.items() if name in ours})

    def ask(self) -> Any:
        """Return the sampler's suggestion; see `OptunaSearcher.ask`."""
        with self._faults():
            return super().ask()

    def tell(self, outcome: Outcome) -> None:
        """Report the outcome to the study; see `OptunaSearcher.tell`."""
        with self._faults():
            super().tell(outcome)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Say in a sentence what a sampler of Optuna's own cannot do; other people's code keeps its traceback."""
        try:
            yield
        except RobustNASError:
            raise
        except Exception as error:
            if not self.sampler.__module__.startswith("optuna."):
                raise
            reason = f"{type(error).__name__}: {abridged(error)}"
            raise SearchError(f"{type(self).__name__} fails with {_written(self._own)}: {reason}") from error

    def _sampler(self, seed: int) -> BaseSampler:
        own = dict(self._own)
        if self.sampler.__name__ in _ENUMERATING and not self.space.is_enumerated:
            raise refused(repr(type(self).__name__), self.space)
        if self.sampler.__name__ == "GridSampler":
            own.setdefault("search_space", {name: list(options) for name, options in self.space.choices.items()})
        return _made(type(self).__name__, self.sampler, own, seed)

    def _encoded(self) -> OptunaEncoding:
        choices, scores = ChoiceEncoding(self.space), ScoreEncoding(self.space)
        encoding = scores if not self._learns_from(choices) and self._learns_from(scores) else choices
        self._check_names(encoding)
        if self.n_objectives > 1:
            self._check_several(encoding)
        return encoding

    def _learns_from(self, encoding: OptunaEncoding) -> bool:
        """Return whether the sampler relates the parameters of an encoding to scores."""
        from optuna.trial import create_trial

        study = _trial_study(self._sampler(0), 1)
        params = encoding.encode(_any_architecture(self.space))
        study.add_trial(create_trial(value=0.0, params=params, distributions=encoding.distributions))
        study.ask()
        return bool(study.sampler.infer_relative_search_space(study, study.get_trials()[-1]))

    def _check_names(self, encoding: OptunaEncoding) -> None:
        """Refuse names and options that no trial has; samplers would ignore them."""
        for name in _BY_PARAMETER:
            for key, value in dict(self._own.get(name) or {}).items():
                where = f"{type(self).__name__}: {name}"
                if key not in encoding.distributions:
                    raise InvalidInputError(f"{where}: {unknown_name('parameter', key, encoding.distributions)}")
                try:
                    encoding.distributions[key].to_internal_repr(value)
                except (TypeError, ValueError):
                    expected = self.space.choices.get(key, ("a number",))
                    raise InvalidInputError(
                        f"{where}: {key} is {excerpt(value)}; expected {' or '.join(map(str, expected))}"
                    ) from None

    def _check_several(self, encoding: OptunaEncoding) -> None:
        study = _trial_study(self._sampler(0), self.n_objectives)
        try:
            for _ in range(2):
                study.tell(study.ask(encoding.distributions), [0.0] * self.n_objectives)
        except (ValueError, TypeError, NotImplementedError, RuntimeError) as error:
            raise InvalidInputError(
                f"{type(self).__name__} takes one objective, got {self.n_objectives} ({abridged(error)}); these of "
                "Optuna's take several: TPESampler, GPSampler, NSGAIISampler, NSGAIIISampler"
            ) from None

    def _open_study(self, sampler: BaseSampler, name: str | None) -> Study:
        study = super()._open_study(sampler, name)
        _never_stop(study)
        return study

    def _method(self) -> dict[str, Any]:
        """Return the sampler and what differs from its defaults, so that a new version of Optuna may add parameters."""
        defaults = _defaults(self.sampler)
        own = {name: value for name, value in self._own.items() if name not in defaults or value != defaults[name]}
        parameters = {name: _plain(own[name]) for name in sorted(own)} | {"max_duplicates": self.max_duplicates}
        return {"searcher": type(self).__name__, "parameters": parameters}


def _any_architecture(space: EnumerableSpace[Any]) -> Any:
    return (
        space.architecture(int(space.members()[0])) if space.is_enumerated else space.sample(np.random.default_rng(0))
    )


def sampler_searcher(name: str) -> type[OptunaSampler]:
    """Return the searcher of a sampler, by a name such as ``optuna:CmaEsSampler``.

    Raises:
        InvalidInputError: There is no such sampler (names the nearest one), or it cannot be imported.

    >>> sampler_searcher("optuna:CmaEsSampler").sampler.__name__
    'CmaEsSampler'
    """
    return _searcher_of(name, _sampler_class(name))


def sampler_reference(name: object) -> str | None:
    """Return a sampler that is not Optuna's own as a reference (`robustnas.reference`); None for any other name.

    >>> sampler_reference("optuna:package.module.Class"), sampler_reference("optuna:TPESampler")
    ('package.module:Class', None)
    """
    if not isinstance(name, str) or not name.startswith(PREFIX):
        return None
    place = name.removeprefix(PREFIX)
    if ":" not in place:
        module, _, attribute = place.rpartition(".")
        place = f"{module}:{attribute}"
    return place if is_reference(place) else None


@cache
def _searcher_of(name: str, sampler: type[BaseSampler]) -> type[OptunaSampler]:
    """Return a subclass whose constructor names the sampler's parameters, for checks and help."""

    def __init__(self: OptunaSampler, rng: np.random.Generator, **parameters: Any) -> None:  # noqa: N807
        OptunaSampler.__init__(self, rng, **parameters)

    first, rng, others = inspect.signature(OptunaSampler.__init__).parameters.values()
    known, _ = constructor_parameters(sampler)
    own = [
        inspect.Parameter(parameter, inspect.Parameter.KEYWORD_ONLY, annotation=_annotation(sampler, parameter))
        for parameter in known
        if parameter != "seed"
    ]
    __init__.__signature__ = inspect.Signature([first, rng, *own, others])  # type: ignore[attr-defined]
    inside = {"sampler": sampler, "__init__": __init__, "__module__": sampler.__module__, "__doc__": sampler.__doc__}
    inside["_takes_constraints"] = _takes_constraints(sampler)
    found: type[OptunaSampler] = type(name, (OptunaSampler,), inside)
    return found


def _takes_constraints(sampler: type[BaseSampler]) -> bool:
    """Return whether a sampler looks at the constraints of trials, as far as its class says."""
    from optuna.samplers import GPSampler, NSGAIIISampler, NSGAIISampler, TPESampler

    return issubclass(sampler, TPESampler | GPSampler | NSGAIISampler | NSGAIIISampler)


def _sampler_class(name: str) -> type[BaseSampler]:
    from optuna import samplers

    short = name.removeprefix(PREFIX)
    reference = sampler_reference(PREFIX + short)
    found: Any = load_reference("Optuna sampler", reference) if reference else getattr(samplers, short, None)
    is_sampler = isinstance(found, type) and issubclass(found, samplers.BaseSampler)
    if reference and not is_sampler:
        raise InvalidInputError(
            f"{excerpt(name)} is {excerpt(found)}; expected a subclass of optuna.samplers.BaseSampler"
        )
    if not is_sampler:
        own = [known.removeprefix(PREFIX) for known in SAMPLERS]
        near = [known for known in own if _bare(known) == _bare(short)]
        unknown = f"unknown Optuna sampler {excerpt(short)}; did you mean {near[0]!r}?" if near else ""
        raise InvalidInputError(f"{unknown or unknown_name('Optuna sampler', short, own)}; expected {_EXAMPLE}")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise InvalidInputError(f"{excerpt(name)} does not implement {missing}; expected {_EXAMPLE}")
    sampler: type[BaseSampler] = found
    return sampler


def _bare(name: str) -> str:
    """Return a sampler's name as people misremember it: ``cmaes`` for ``CmaEsSampler``, ``nsga3`` for NSGA-III."""
    bare = name.casefold().replace("-", "").replace("_", "").removesuffix("sampler")
    return {"nsga2": "nsgaii", "nsga3": "nsgaiii"}.get(bare, bare)


def _made(owner: str, sampler: type[BaseSampler], parameters: Mapping[str, Any], seed: int) -> BaseSampler:
    """Return a sampler of a class, those that it needs given by name."""
    known, _ = constructor_parameters(sampler)
    required = [name for name in known if name not in _defaults(sampler) and name != "seed"]
    given = {name: _DEFAULT for name in required if _takes_sampler(known[name])} | dict(parameters)
    if missing := [name for name in required if name not in given]:
        raise InvalidInputError(f"{owner} needs {listing(missing)}; set {'it' if len(missing) == 1 else 'them'}")
    for name, value in given.items():
        if isinstance(value, str) and _takes_sampler(known.get(name)):
            given[name] = _made(f"{owner}: {name} {value}", _sampler_class(value), {}, seed)
    seeds = {"seed": seed} if "seed" in known else {}
    try:
        with _quiet():
            return sampler(**given, **seeds)
    except ImportError as error:
        raise MissingPackageError(f"{owner} needs a package that is not installed: {error}") from None
    except Exception as error:  # whatever a constructor raises is about what it was given
        reason = f"{type(error).__name__}: {abridged(error)}"
        raise InvalidInputError(f"{owner} refuses {_written(parameters)}: {reason}") from error


def _defaults(sampler: type[BaseSampler]) -> dict[str, Any]:
    """Return the defaults of a sampler's parameters, those of its bases included."""
    found: dict[str, Any] = {}
    for base in sampler.__mro__:
        if "__init__" in vars(base):
            for name, parameter in inspect.signature(vars(base)["__init__"]).parameters.items():
                if name != "seed" and parameter.default is not parameter.empty:
                    found.setdefault(name, parameter.default)
    return found


def _annotation(sampler: type[BaseSampler], name: str) -> Any:
    """Return what a plan or a script may give for a parameter of a sampler."""
    from optuna.samplers import BaseSampler

    annotation = constructor_parameters(sampler)[0][name]
    if _takes_sampler(annotation):
        return str | BaseSampler | None
    raw = inspect.signature(sampler).parameters.get(name)
    return Callable[..., Any] | None if raw is not None and "Callable" in str(raw.annotation) else annotation


def _takes_sampler(annotation: Any) -> bool:
    from optuna.samplers import BaseSampler

    return any(isinstance(part, type) and issubclass(part, BaseSampler) for part in (annotation, *get_args(annotation)))


def _written(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {excerpt(value)}" for name, value in parameters.items()) or "its defaults"


def _plain(value: Any) -> Any:
    """Return a parameter as a study keeps it: a function or an object by its name."""
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        return getattr(value, "__qualname__", type(value).__qualname__)


def _trial_study(sampler: BaseSampler, n_objectives: int) -> Study:
    """Return a study in memory, to try a sampler."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=sampler, directions=["maximize"] * n_objectives)
    _never_stop(study)
    return study


def _never_stop(study: Study) -> None:
    """Let samplers that have seen everything say so: Optuna allows it in `Study.optimize` only; here a budget ends."""
    study.stop = lambda: None  # type: ignore[method-assign]


@contextmanager
def _quiet() -> Iterator[None]:
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
