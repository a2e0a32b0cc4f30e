"""``robustnas naslib``: whether NASLib is there, and what of it can be used."""

from __future__ import annotations

import click

from experiments.commands.options import json_option, print_json


@click.command()
@json_option
def naslib(as_json: bool) -> None:
    """Tell where NASLib is, and which of its optimizers and predictors can be used here.

    Its optimizers are searchers, its predictors surrogates, by names such as naslib:re and naslib:xgb.

    \b
    Example:
      robustnas naslib
      robustnas search --searcher naslib:re --objective pgd@1
      robustnas surrogates --surrogates naslib:xgb,default --encodings one-hot
    """
    from robustnas.naslib.loading import location, source_digest, stood_in
    from robustnas.naslib.predictor_types import PREDICTOR_TYPES
    from robustnas.naslib.stand_ins import is_missing
    from searchers.naslib_search import NASLIB_SEARCHERS

    absent = stood_in()
    needs = {name: kind.package for name, kind in PREDICTOR_TYPES.items()}
    lacking = {name: package for name, package in needs.items() if package is not None and is_missing(package)}
    usable = [f"naslib:{name}" for name in needs if name not in lacking]
    if as_json:
        where = {"path": str(location()), "digest": source_digest(), "stand_ins": list(absent)}
        print_json({**where, "searchers": list(NASLIB_SEARCHERS), "surrogates": usable, "lacking": lacking})
        return
    click.echo(f"NASLib: {location()}, source sha256:{source_digest()[:16]}")
    click.echo(f"searchers: {', '.join(NASLIB_SEARCHERS)}")
    click.echo(f"surrogates: {', '.join(usable)}")
    for name, package in lacking.items():
        click.echo(f"  not naslib:{name}: it needs {package}")
    if absent:
        click.echo(f"NASLib was loaded without {', '.join(absent)}; what is listed above does not need them")
