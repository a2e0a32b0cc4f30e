"""What the methods of a space of choices answer, checked: they are the user's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, ObjectiveError, excerpt
from robustnas.reference import user_code
from robustnas.spaces.choice_architecture import ChoiceArchitecture
from robustnas.spaces.search_space import COSTS

if TYPE_CHECKING:
    from robustnas.spaces.choice_space import ChoiceSpace


def ask(space: ChoiceSpace, method: str, architecture: ChoiceArchitecture) -> Any:
    """Return what a method of a space says of an architecture.

    Raises:
        UserCodeError: It raised an error.
    """
    with user_code({f"{method}() of the space {space.name}": type(space)}):
        return getattr(space, method)(architecture)


def ask_all(
    space: ChoiceSpace, method: str, indices: Sequence[int]
) -> Iterator[tuple[int, ChoiceArchitecture, object]]:
    """Yield what a method says of the architectures of some indices, which ascend."""
    answer, names, options = getattr(space, method), tuple(space.choices), list(space.choices.values())
    wanted, architectures = iter(indices), enumerate(product(*options))
    with user_code({f"{method}() of the space {space.name}": type(space)}):
        for index in wanted:
            place, chosen_options = next(architectures)
            while place < index:
                place, chosen_options = next(architectures)
            architecture = ChoiceArchitecture(names, chosen_options)
            yield index, architecture, answer(architecture)


def checked_valid(space: ChoiceSpace, architecture: ChoiceArchitecture, answer: object) -> bool:
    """Return an answer of ``valid``."""
    if not isinstance(answer, bool | np.bool_):
        raise InvalidInputError(f"{_said(space, 'valid', architecture, answer)} True or False")
    return bool(answer)


def checked_representative(space: ChoiceSpace, architecture: ChoiceArchitecture, answer: object) -> int:
    """Return the index of an answer of ``canonical``."""
    if not isinstance(answer, ChoiceArchitecture):
        raise InvalidInputError(f"{_said(space, 'canonical', architecture, answer)} an architecture")
    found = space.index(answer)
    if not (answer in space if space.is_enumerated else space.is_valid(answer)):
        raise InvalidInputError(f"{_said(space, 'canonical', architecture, answer)} one that is valid")
    return found


def unstable(space: ChoiceSpace, architecture: ChoiceArchitecture) -> InvalidInputError:
    """Return the error of a representative that does not stand for itself."""
    once, twice = space.canonical(architecture), space.canonical(space.canonical(architecture))
    return InvalidInputError(
        f"canonical() of the space {space.name} takes {architecture} to {once}, and that to {twice}; expected a "
        "representative that stands for itself"
    )


def checked_costs(space: ChoiceSpace, architecture: ChoiceArchitecture, answer: object) -> Mapping[str, float]:
    """Return an answer of ``cost``."""
    if not isinstance(answer, Mapping):
        raise ObjectiveError(f"{_said(space, 'cost', architecture, answer)} numbers by name: {', '.join(COSTS)}")
    return answer


def checked_features(
    space: ChoiceSpace, architecture: ChoiceArchitecture, answer: Any, n_features: int | None
) -> FloatArray:
    """Return an answer of ``encode``, shape (n_features,); as many as it has if that is None."""
    values = np.asarray(answer, dtype=np.float64).ravel()
    if len(values) != (n_features or len(values)) or not len(values) or not np.isfinite(values).all():
        raise InvalidInputError(f"{_said(space, 'encode', architecture, answer)} as many finite numbers for each")
    return values


def _said(space: ChoiceSpace, method: str, architecture: ChoiceArchitecture, answer: object) -> str:
    return f"{method}({architecture}) of the space {space.name} returned {excerpt(answer)}; expected"
