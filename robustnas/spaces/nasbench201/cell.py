"""The cell of NAS-Bench-201: six edges, one of five operations on each, in all common notations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from numbers import Integral
from typing import Any, TypeAlias

from robustnas.errors import InvalidInputError, NotationError, excerpt, unknown_name
from robustnas.spaces.nasbench201.digits import (
    CONVENTIONS,
    NASLIB,
    digits_by_edge,
    operations_by_edge,
    operations_of,
    six_digits,
    tokens_of,
)
from robustnas.spaces.nasbench201.drawing import cell_svg
from robustnas.spaces.nasbench201.numbering import N_CELLS, N_EDGES, N_OPERATIONS, id_of_index, index_of_id
from robustnas.spaces.nasbench201.operations import OPERATION_LABELS, Operation
from robustnas.spaces.nasbench201.written import written_names

_CODE_OF_LABEL = {label: code for code, label in enumerate(OPERATION_LABELS)}

_ARCH_STRING = re.compile(r"\|(.+)~(\d)\|\+\|(.+)~(\d)\|(.+)~(\d)\|\+\|(.+)~(\d)\|(.+)~(\d)\|(.+)~(\d)\|")
_NUMBER = re.compile(r"[0-9]{1,18}")
_ZEROS_FIRST = re.compile(r"#?0[0-9]+")
_ARCH_FORM = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"

_NOTATIONS = (
    f"an arch string such as {_ARCH_FORM}, six NASLib operation indices such as (4, 0, 3, 1, 4, 3), "
    f"a database id such as #13433 (0 to {N_CELLS - 1}) or a space index such as index:13931"
)


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """An immutable cell: the operations on its six edges, in the order of `EDGES`.

    Args:
        ops: Six operation codes (see `Operation`).

    Raises:
        InvalidInputError: There are not six operations, or one is not an operation code.

    >>> cell = Cell.parse("#13433")
    >>> str(cell)
    '|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|nor_conv_1x1~1|skip_connect~2|'
    >>> cell.naslib
    (4, 3, 3, 0, 3, 0)
    >>> cell == Cell.parse(cell.naslib)
    True
    """

    ops: tuple[int, ...]

    def __post_init__(self) -> None:
        ops = tuple(self.ops)
        if len(ops) != N_EDGES:
            raise InvalidInputError(
                f"a cell has {N_EDGES} operations, one per edge, but got {len(ops)}: {excerpt(ops)}"
            )
        for op in ops:
            if op not in range(N_OPERATIONS):
                raise InvalidInputError(f"{excerpt(op)} is not an operation code; expected 0 to 4: {_codes()}")
        object.__setattr__(self, "ops", tuple(int(op) for op in ops))

    @classmethod
    def from_names(cls, names: Iterable[str]) -> Cell:
        """Build a cell from six operation names, such as ``"nor_conv_3x3"``, in the order of `EDGES`."""
        listed = list(names)
        return cls(tuple(_code(name, lambda: f"in {excerpt(listed)}") for name in listed))

    @classmethod
    def from_index(cls, index: int) -> Cell:
        """Return the cell of a space index, 0 to 15624."""
        if not 0 <= index < N_CELLS:
            raise NotationError(f"{excerpt(index)} is not a space index; expected 0 to {N_CELLS - 1}")
        return _cell_of_index(int(index))

    @classmethod
    def from_database_id(cls, database_id: int) -> Cell:
        """Return the cell of a database id, 0 to 15624 (NAS-Bench-201's own numbering)."""
        if not 0 <= database_id < N_CELLS:
            raise NotationError(f"{excerpt(database_id)} is not a database id; expected 0 to {N_CELLS - 1}")
        return _cell_of_index(int(index_of_id()[database_id]))

    @classmethod
    def parse(cls, arch: Architecture) -> Cell:
        """Read an architecture in any notation.

        Args:
            arch: A `Cell`, an arch string, six operation indices in NASLib's convention (as a tuple, a list or a
                string; see `readings` for the other one), a database id (13433, ``"#13433"``, ``"13433"``), a string
                with a space index (``"index:13931"``), or operations by name, as
                `robustnas.spaces.nasbench201.written` lists them.

        Raises:
            NotationError: It cannot be read; the message names the offending token and what was expected there.
        """
        if isinstance(arch, Cell):
            return arch
        if isinstance(arch, str):
            return _parse_text(arch.strip())
        if isinstance(arch, Integral) and not isinstance(arch, bool):
            return cls.from_database_id(int(arch))
        tokens = tokens_of(arch)
        if tokens is None and (names := written_names(arch)):
            return cls.from_names(names)
        if tokens is None:
            raise NotationError(f"cannot read {excerpt(arch)} as an architecture; expected {_NOTATIONS}")
        return _parse_naslib(tokens, arch)

    @classmethod
    def readings(cls, arch: object) -> dict[str, Cell]:
        """Return the cells that six digits are, by the convention that reads them; {} for any other notation.

        >>> {name: cell.naslib for name, cell in Cell.readings("(4, 0, 3, 1, 4, 3)").items()}
        {'naslib': (4, 0, 3, 1, 4, 3), 'nasbench201': (4, 1, 0, 2, 4, 2)}
        """
        if isinstance(arch, Cell):
            return {}
        if by_edge := digits_by_edge(arch):  # then the conventions differ in the operations alone
            return {convention: cls(operations_by_edge(by_edge, convention)) for convention in CONVENTIONS}
        digits = six_digits(arch)
        if digits is None:
            return {}
        return {convention: cls(operations_of(digits, convention)) for convention in CONVENTIONS}

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The six operations as `Operation` members."""
        return tuple(Operation(op) for op in self.ops)

    @property
    def index(self) -> int:
        """The space index, 0 to 15624."""
        index = 0
        for op in self.ops:
            index = index * N_OPERATIONS + op
        return index

    @property
    def database_id(self) -> int:
        """The id of this cell in the database's meta.json, 0 to 15624 (for the id of its class, see `space.uid`)."""
        return int(id_of_index()[self.index])

    @property
    def arch(self) -> str:
        """The arch string."""
        labels = [OPERATION_LABELS[op] for op in self.ops]
        return "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(*labels)

    @property
    def naslib(self) -> tuple[int, ...]:
        """The operation indices of NASLib, edges (1,2), (1,3), (1,4), (2,3), (2,4), (3,4)."""
        return operations_of(self.ops, NASLIB)

    def __str__(self) -> str:
        return self.arch

    def __repr__(self) -> str:
        return f"Cell.parse({self.arch!r})"

    def svg(self, title: str | None = None) -> str:
        """Return a drawing as a stand-alone SVG document, with the arch string below it if `title` is None."""
        return cell_svg(self, title)

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_html_(self) -> str:
        return f"<div>{self.svg()}</div>"  # within a page, it has the ink of the page; an image does not know it


Architecture: TypeAlias = "Cell | str | int | Iterable[int | str] | Mapping[Any, str]"
"""An architecture in any notation that `Cell.parse` reads."""


@cache
def _cell_of_index(index: int) -> Cell:
    ops = []
    for _ in range(N_EDGES):
        index, op = divmod(index, N_OPERATIONS)
        ops.append(op)
    return Cell(tuple(reversed(ops)))


def _parse_text(text: str) -> Cell:
    if text.startswith("|"):
        return _parse_arch_string(text)
    tokens = tokens_of(text)
    if tokens and tokens[0] not in _CODE_OF_LABEL:
        return _parse_naslib(tokens, text)
    if names := written_names(text):
        return Cell.from_names(names)
    if _ZEROS_FIRST.fullmatch(text):
        six = f"; six operation indices are written ({', '.join(text)})" if six_digits(text) else ""
        raise NotationError(f"{excerpt(text)} is not a database id, which has no leading zeros{six}")
    for prefix, read in (("#", Cell.from_database_id), ("index:", Cell.from_index), ("", Cell.from_database_id)):
        number = text.removeprefix(prefix)
        if text.startswith(prefix) and _NUMBER.fullmatch(number):
            return read(int(number))
    raise NotationError(f"cannot read {excerpt(text)} as an architecture; expected {_NOTATIONS}")


def _parse_arch_string(text: str) -> Cell:
    groups = [group.strip("|").split("|") for group in text.split("+")]
    if [len(group) for group in groups] != [1, 2, 3]:
        found = " + ".join(str(len(group)) for group in groups)
        raise NotationError(f"{excerpt(text)} has {found} operations; expected 1 + 2 + 3, as in {_ARCH_FORM}")
    tokens = [(token, source) for group in groups for source, token in enumerate(group)]
    codes = tuple(_read_token(token, source, text) for token, source in tokens)
    if not _ARCH_STRING.fullmatch(text):
        raise NotationError(f"{excerpt(text)} has misplaced bars; expected the form {_ARCH_FORM}")
    return Cell(codes)


def _read_token(token: str, source: int, text: str) -> int:
    label, tilde, node = token.partition("~")
    if not tilde or node != str(source):
        raise NotationError(
            f"token {excerpt(token)} in {excerpt(text)} does not name its source; expected <operation>~{source}"
        )
    return _code(label, lambda: f"in token {excerpt(token)} of {excerpt(text)}")


def _code(label: str, where: Callable[[], str]) -> int:
    try:
        return _CODE_OF_LABEL[label]
    except (KeyError, TypeError):
        raise NotationError(f"{unknown_name('operation', label, OPERATION_LABELS)}; {where()}") from None


def _parse_naslib(tokens: list[str], arch: object) -> Cell:
    if len(tokens) != N_EDGES:
        found = f"{_shown(arch)} has {len(tokens)} operation indices"
        raise NotationError(f"{found}; expected {N_EDGES}, as in (4, 0, 3, 1, 4, 3)")
    for token in tokens:
        if token not in {"0", "1", "2", "3", "4"}:
            expected = "0 skip_connect, 1 none, 2 nor_conv_3x3, 3 nor_conv_1x1, 4 avg_pool_3x3"
            raise NotationError(
                f"{excerpt(token)} in {_shown(arch)} is not a NASLib operation index; expected {expected}"
            )
    return Cell(operations_of(tuple(map(int, tokens)), NASLIB))


def _shown(arch: object) -> str:
    """Return what messages call six digits: their text as it is, if it is short."""
    return arch if isinstance(arch, str) and len(arch) <= 120 else excerpt(arch)


def _codes() -> str:
    return ", ".join(f"{code} {label}" for code, label in enumerate(OPERATION_LABELS))
