"""``robustnas measurements``: what the store of measurements holds, and forgetting some of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any

import click

from experiments.commands.evaluation_options import (
    EvaluationOptions,
    corruption_files_option,
    evaluation_options,
    store_option,
    torch_needed,
)
from experiments.commands.moments import moment
from experiments.commands.options import json_option, listed, out_option, print_json, space_option
from experiments.exported_table import FORMS, ExportedTable, write_table
from experiments.pages.terminal import fitted
from robustnas.errors import InvalidInputError, excerpt, unknown_name
from robustnas.measurements import Group, MeasurementStore, Selection
from robustnas.metric import ATTACKS, CORRUPTIONS, PLAIN_METRICS
from robustnas.spaces import DEFAULT_SPACE, open_space, recorded_name

_MOST_LINES = 60

_FILTERS = (
    click.option("--network", "networks", multiple=True, metavar="ARCH", help="Only of this network; repeatable."),
    space_option("Only of this search space, of which --network is.", show_default="all; of --network nasbench201"),
    click.option("--images", metavar="NAME", help="Only on image data of this name."),
    click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Only this metric, as pgd@1; repeatable."),
    click.option(
        "--source",
        "sources",
        multiple=True,
        metavar="NAME",
        help="Only clean, an attack or a corruption by name, or attack or corruption for all of them; repeatable.",
    ),
    click.option("--training", metavar="DIGEST", help="Only of the training whose digest begins so."),
    click.option("--seed", type=int, help="Only of this training seed."),
    click.option(
        "--older-than", metavar="AGE|TIME", help="Only older ones: 30d, 12h, or a date or UTC time, as 2026-11-27."
    ),
    click.option("--unknown-files", is_flag=True, help="Only corruption numbers that are set aside: of unknown files."),
    store_option,
)


def _filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the filters to a command, which gets them as one argument ``selection``."""

    @wraps(command)
    def gathered(
        networks: Sequence[str],
        space: str | None,
        images: str | None,
        metrics: tuple[str, ...],
        sources: Sequence[str],
        training: str | None,
        seed: int | None,
        older_than: str | None,
        unknown_files: bool,
        **rest: Any,
    ) -> Any:
        searched = open_space(space or DEFAULT_SPACE)
        selection = Selection(
            archs=tuple(str(searched.canonical(searched.parse(text))) for text in networks),
            space=recorded_name(searched) if space or networks else None,
            images=images,
            metrics=metrics,
            sources=_sources(sources),
            training=_digest_start(training),
            seed=seed,
            before=moment(older_than, "--older-than") if older_than is not None else None,
            unknown_files=unknown_files,
        )
        return command(selection=selection, **rest)

    wrapped: Any = gathered
    for option in reversed(_FILTERS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


@click.group()
def measurements() -> None:
    """List and forget what was measured.

    \b
    Example:
      robustnas measurements list
      robustnas measurements forget --source corruption --images cifar10
    """


@measurements.command(name="list")
@_filtered
@json_option
def list_(selection: Selection, store: str | None, as_json: bool) -> None:
    """Show how many numbers of what the store holds.

    \b
    Example:
      robustnas measurements list --images digits --source attack --json
    """
    with MeasurementStore.open(store) as opened:
        groups = opened.groups(selection)
        where = str(opened.location)
    if as_json:
        print_json({"store": where, **_counts(groups), "groups": _rows(groups)})
    else:
        click.echo(fitted("\n".join([f"store: {where}", *_lines(groups)])))


@measurements.command()
@_filtered
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def forget(selection: Selection, store: str | None, yes: bool, as_json: bool) -> None:
    """Delete numbers from the store, for good.

    What is deleted is shown first. At least one filter is needed. Weights of trained networks are kept elsewhere, in
    the folder `networks` of the cache directory.

    \b
    Example:
      robustnas measurements forget --unknown-files
      robustnas measurements forget --network '#13433' --metric pgd@8 --yes
    """
    if selection == Selection():
        raise InvalidInputError("forget needs a filter, such as --images digits, --source attack or --older-than 0d")
    with MeasurementStore.open(store) as opened:
        groups = opened.groups(selection)
        if not as_json or not yes:
            click.echo(fitted("\n".join([f"store: {opened.location}", *_lines(groups)])), err=as_json)
        if groups and not yes:
            _ask(sum(group.n for group in groups))
        n = opened.forget(selection) if groups else 0
        where = str(opened.location)
    if as_json:
        print_json({"store": where, "n_forgotten": n, "groups": _rows(groups)})
    elif groups:
        click.echo(f"forgot {_numbers(n)}")


@measurements.command()
@space_option("Search space of the networks.")
@click.option("--images", default="digits", show_default=True, metavar="NAME|PATH", help="Image data.")
@click.option(
    "--metrics", metavar="NAMES", show_default="all that the store holds", help="Metrics, as 'clean, pgd@16'."
)
@click.option("--seed", default=0, show_default=True, help="Training seed; the first one.")
@click.option(
    "--seeds", type=click.IntRange(1), default=1, show_default=True, help="Seeds, of which the means are taken."
)
@out_option("File to write.", metavar="FILE.csv|FILE.parquet", required=True)
@evaluation_options
@json_option
def table(
    space: str | None,
    images: str,
    metrics: str | None,
    seed: int,
    seeds: int,
    out: Path,
    evaluation: EvaluationOptions,
    as_json: bool,
) -> None:
    """Write what the store holds as a table: a row per architecture, a column per metric.

    It is of one training under the settings that are given, as in `robustnas search`. `robustnas data import` makes a
    dataset of it, which searchers and surrogates are compared on.

    \b
    Example:
      robustnas measurements table --space my_spaces.py:MySpace --images digits --out measured.csv
      robustnas data import measured.csv --space my_spaces.py:MySpace --name mine
    """
    form = out.suffix.removeprefix(".").lower()
    if form not in FORMS:
        raise InvalidInputError(
            f"--out is {out}; expected a name that ends in {' or '.join(f'.{one}' for one in FORMS)}"
        )
    evaluator = evaluation.evaluator(images, space=open_space(space or DEFAULT_SPACE), seed=seed)
    with torch_needed():
        from robustnas.evaluator.measured_table import measured_table
    with evaluation.open_store() as store:
        frame = measured_table(evaluator, store, listed(metrics or ""), n_seeds=seeds)
    facts = {
        "space": recorded_name(evaluator.space),
        "images": evaluator.images.name,
        "settings": evaluator.settings_dict,
    }
    write_table(ExportedTable(frame, facts), form, out)
    if as_json:
        print_json({"out": str(out), "n_rows": len(frame), "columns": list(frame.columns), **facts})
    else:
        click.echo(f"{len(frame):,} rows in {out}: {', '.join(frame.columns)}")


@measurements.command()
@click.option("--images", required=True, metavar="NAME", help="Image data: cifar10 or cifar100.")
@corruption_files_option
@store_option
@json_option
def adopt(images: str, corruption_files: Path | None, store: str | None, as_json: bool) -> None:
    """Take corruption numbers of unknown files as measured on the files that are here.

    Older releases kept numbers on CIFAR-10-C and CIFAR-100-C without saying which files they were measured on. They
    are set aside. If the files have not changed since, this command gives them back.

    \b
    Example:
      robustnas measurements adopt --images cifar10 --corruption-files ~/data/CIFAR-10-C
    """
    with torch_needed():
        from robustnas.evaluator.corruptions.adoption import adopt as adopted
    with MeasurementStore.open(store) as opened:
        found = adopted(opened, images, corruption_files)
    if as_json:
        print_json({"folder": str(found.folder), "n_adopted": found.n_adopted, "n_left": found.n_left})
        return
    left = f"; {found.n_left:,} stay set aside" if found.n_left else ""
    click.echo(f"{found.n_adopted:,} numbers are now of the files in {found.folder}{left}")


def _ask(n: int) -> None:
    """Ask whether to go on; where nobody can answer, say how to."""
    if not _is_terminal():
        raise InvalidInputError(f"nothing was deleted; add --yes to delete {_numbers(n)}")
    if not click.confirm(f"Delete {_numbers(n)}?", err=True):
        click.echo("nothing was deleted", err=True)
        raise SystemExit(1)


def _numbers(n: int) -> str:
    return "1 number" if n == 1 else f"{n:,} numbers"


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _counts(groups: Sequence[Group]) -> dict[str, int]:
    return {
        "n": sum(group.n for group in groups),
        "n_set_aside": sum(group.n for group in groups if group.unknown_files),
    }


def _rows(groups: Sequence[Group]) -> list[dict[str, Any]]:
    return [asdict(group) | {"first": group.first.isoformat(), "last": group.last.isoformat()} for group in groups]


def _lines(groups: Sequence[Group]) -> list[str]:
    """Return the groups as lines, the total first, those of one training together."""
    counts = _counts(groups)
    if not counts["n"]:
        return ["no such numbers"]
    aside = f", {counts['n_set_aside']:,} of them set aside (of unknown files)" if counts["n_set_aside"] else ""
    lines, last = [f"{_numbers(counts['n'])}{aside}"], None
    shown = groups[:_MOST_LINES]
    width = max(len(group.metric) for group in shown)
    for group in shown:
        if (head := (group.images, group.images_digest, group.training)) != last:
            last = head
            regime = f", {group.regime}" if group.regime else ""
            lines += ["", f"{group.images} (digest {group.images_digest[:8]}), training {group.training[:8]}{regime}"]
        lines.append(
            f"  {group.metric:<{width}}  {group.protocol:<6}  {group.n:>7,} of {group.n_networks:,} networks  "
            f"{group.first:%Y-%m-%d} to {group.last:%Y-%m-%d}{'  set aside' if group.unknown_files else ''}"
        )
    more = len(groups) - len(shown)
    return [*lines, f"and {more:,} more groups: --json has all"] if more else lines


def _sources(names: Sequence[str]) -> tuple[str, ...]:
    known = ("attack", "corruption", *PLAIN_METRICS, *ATTACKS, *CORRUPTIONS)
    for name in names:
        if name not in known:
            raise InvalidInputError(unknown_name("source", name, known))
    return tuple(names)


def _digest_start(text: str | None) -> str | None:
    if text is not None and (not text or len(text) > 128 or not set(text) <= set("0123456789abcdef")):
        raise InvalidInputError(f"--training is {excerpt(text)}; expected how a digest begins, as `list` shows it")
    return text
