"""Builds the page: the facts that are computed here, the packed numbers, style and script, in one file."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from experiments.explorer.columns import columns_of, sums_of
from experiments.explorer.networks import Networks, choose_networks
from experiments.explorer.packing import integers, pack
from experiments.explorer.runs import runs_of
from experiments.explorer.whose import whose
from robustnas.atomic import atomic_file
from robustnas.errors import DataError
from robustnas.spaces import EnumerableSpace
from robustnas.spaces.nasbench201.numbering import id_of_index
from robustnas.tables.table import Table

_PAGE = Path(__file__).parent / "page"
SCRIPTS = (
    "elements.js",
    "decode.js",
    "grammar.js",
    "noise.js",
    "fronts.js",
    "state.js",
    "picker.js",
    "dots.js",
    "scatter.js",
    "frontline.js",
    "pointer.js",
    "drawing.js",
    "filters.js",
    "network.js",
    "curves.js",
    "neighbours.js",
    "trade.js",
    "attacks.js",
    "twins.js",
    "searches.js",
    "export.js",
    "main.js",
)
"""The parts of the page's script, in order; they share one scope."""


def explorer_page(table: Table, results: Path | None = None) -> str:
    """Return the explorer of a table as one HTML page that requests nothing.

    Args:
        table: The table; what it does not know stays unknown.
        results: A folder with the runs of a comparison, to draw through the scatter.

    Raises:
        DataError: The table has no numbers at all, or records in the folder are missing or corrupt.
        InvalidInputError: The runs are on another search space.
    """
    columns = columns_of(table)
    if not columns:
        raise DataError(f"{table.dataset} holds no number that is known; expected at least one column of numbers")
    signed = [-column.values if column.facts["minimised"] else column.values for column in columns]
    networks = choose_networks(table.space, signed)
    said, queries = runs_of(results, networks, table.dataset) if results is not None else (None, [])
    sections = {
        "codes": np.ascontiguousarray(networks.codes.T.astype("<u2")).tobytes(),
        "names": json.dumps({"labels": networks.labels(), "names": networks.names()}).encode(),
        "queries": integers(queries),
    }
    if (combinations := networks.combinations()) is not None:
        sections["combinations"] = integers(combinations)
        if networks.is_cells:
            sections["ids"] = integers(id_of_index())
    packed = pack([column.values[networks.indices] for column in columns], sections)
    facts = {
        **_said_of(table, networks),
        "columns": [{**column.facts, "coding": coding} for column, coding in zip(columns, packed.codings, strict=True)],
        "sums": sums_of(table, {column.facts["name"] for column in columns}),
        "sections": packed.sections,
        "runs": said,
    }
    return _assembled(table, facts, packed.text)


def write_explorer(path: Path, table: Table, results: Path | None = None) -> int:
    """Write the explorer of a table and return its size in bytes; see `explorer_page`.

    Raises:
        DataError: The file cannot be written.
    """
    content = explorer_page(table, results).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            file.write(content)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from None
    return len(content)


def _said_of(table: Table, networks: Networks) -> dict[str, Any]:
    source = whose(table)
    space: EnumerableSpace[Any] = table.space
    return {
        "dataset": table.dataset,
        "source": asdict(source),
        "digest": table.digest,
        "version": version("robustnas"),
        "space": space.name,
        "cells": networks.is_cells,
        "choices": networks.choices(),
        "n": len(networks.rows),
        "n_known": networks.n_known,
        "n_networks": int(space.n_networks),
        "n_architectures": int(space.n_members),
        "twins": networks.twins(),
        "knows_twins": space.twin_labels() is not None,
    }


def _assembled(table: Table, facts: dict[str, Any], packed: str) -> str:
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    script = "\n".join((_PAGE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return environment.get_template("page.html.j2").render(
        dataset=table.dataset,
        measured=facts["source"]["measured"],
        whose=facts["source"]["sentence"],
        n_columns=len(facts["columns"]),
        n_networks=f"{facts['n']:,}",
        footer=_footer(facts),
        style=Markup((_PAGE / "style.css").read_text(encoding="utf-8")),  # noqa: S704  our own
        script=Markup(script),  # noqa: S704  our own
        facts=Markup(_inline_json(facts)),  # noqa: S704  escaped below
        packed=packed,
    )


def _footer(facts: dict[str, Any]) -> str:
    shown = (
        f"{facts['n']:,} of {facts['n_known']:,} networks with a number: the best by each column, others at random. "
    )
    sizes = f"{facts['n_architectures']:,} architectures, {facts['n_networks']:,} networks"
    made = f"Data {facts['digest'][:16]}. Written by RobustNAS {facts['version']}; this page requests nothing."
    return (shown if facts["n"] < facts["n_known"] else "") + f"Search space {facts['space']}: {sizes}. {made}"


def _inline_json(value: Any) -> str:
    """Return JSON that ends no script element, whatever texts are in it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
