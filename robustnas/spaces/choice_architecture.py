"""An architecture of a space of choices: one option for each choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from robustnas.errors import InvalidInputError, unknown_name

Option: TypeAlias = int | float | str | bool | None
"""What a choice may offer: numbers, or names."""


@dataclass(frozen=True, repr=False)
class ChoiceArchitecture:
    """An immutable architecture; options are items and, where names allow it, attributes.

    Args:
        names: The names of the choices, in the order of the space.
        options: The option of each choice.

    >>> architecture = ChoiceArchitecture(("depth", "width"), (4, 16))
    >>> architecture.depth, architecture["width"], str(architecture), dict(architecture)
    (4, 16, 'depth=4,width=16', {'depth': 4, 'width': 16})
    """

    names: tuple[str, ...]
    options: tuple[Option, ...]

    if not TYPE_CHECKING:
        __iter__ = None  # an architecture is one value, to numpy and pandas too

    def __getitem__(self, name: str) -> Any:
        try:
            return self.options[self.names.index(name)]
        except ValueError:
            raise KeyError(unknown_name("choice", name, self.names)) from None

    def __getattr__(self, name: str) -> Any:
        names = vars(self).get("names", ())  # an architecture that is being copied has none yet
        if name not in names:
            raise AttributeError(unknown_name("choice", name, names))
        return self[name]

    def keys(self) -> tuple[str, ...]:
        """Return the names of the choices: ``dict(architecture)`` is its options by name."""
        return self.names

    def replaced(self, **options: Option) -> ChoiceArchitecture:
        """Return the architecture with other options for some choices, which are not checked against any space.

        Raises:
            InvalidInputError: There is no choice of a name.
        """
        if unknown := next((name for name in options if name not in self.names), None):
            raise InvalidInputError(unknown_name("choice", unknown, self.names))
        own = zip(self.names, self.options, strict=True)
        return ChoiceArchitecture(self.names, tuple(options.get(name, option) for name, option in own))

    def svg(self, title: str | None = None) -> str:
        """Return a drawing as a stand-alone SVG document, with all options below it if `title` is None."""
        from robustnas.spaces.choice_drawing import choices_svg

        return choices_svg(dict(self), str(self) if title is None else title)

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_html_(self) -> str:
        return f"<div>{self.svg()}</div>"  # within a page, it has the ink of the page; an image does not know it

    def __str__(self) -> str:
        return ",".join(f"{name}={option}" for name, option in zip(self.names, self.options, strict=True))

    def __repr__(self) -> str:
        return f"<{self}>"
