"""``robustnas naslib``: whether NASLib is installed, and which of its methods can be used."""

from __future__ import annotations

import click

from experiments.commands.options import json_option, print_json
from experiments.pages.terminal import fitted
from robustnas.naslib import loading, stand_ins
from robustnas.naslib.predictor_types import PREDICTOR_TYPES
from searchers.naslib_search import NASLIB_SEARCHERS


@click.command()
@json_option
def naslib(as_json: bool) -> None:
    """Show where NASLib is installed and which of its methods can be used.

    Its optimizers are searchers and its predictors are surrogates, with names such as naslib:re and naslib:xgb.

    \b
    Example:
      robustnas naslib
      robustnas search --searcher naslib:re --objective pgd@1
      robustnas surrogates --surrogates naslib:xgb,default --encodings one-hot
    """
    absent = loading.stood_in()
    needs = {name: kind.package for name, kind in PREDICTOR_TYPES.items()}
    lacking = {name: package for name, package in needs.items() if package and stand_ins.is_missing(package)}
    usable = [f"naslib:{name}" for name in needs if name not in lacking]
    location, digest = loading.location(), loading.source_digest()
    if as_json:
        where = {"path": str(location), "digest": digest, "stand_ins": list(absent)}
        print_json({**where, "searchers": list(NASLIB_SEARCHERS), "surrogates": usable, "lacking": lacking})
        return
    click.echo(f"NASLib: {location}, source sha256:{digest[:16]}")
    click.echo(fitted(f"searchers: {', '.join(NASLIB_SEARCHERS)}\nsurrogates: {', '.join(usable)}"))
    for name, package in lacking.items():
        click.echo(f"  not naslib:{name}: it needs {package}")
    if absent:
        click.echo(f"NASLib was loaded without {', '.join(absent)}; what is listed above does not need them")
