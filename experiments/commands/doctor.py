"""``robustnas doctor``: what is installed and found, on one screen for a bug report."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, requires, version
from pathlib import Path

import click

from experiments.pages.terminal import fitted  # of RobustNAS no more, nor numpy: they may be what is broken

_PACKAGES = ("numpy", "pandas", "scipy", "scikit-learn", "xgboost", "optuna", "torch", "click")
_SETTINGS = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "PYTHONPATH")
_SECRET = re.compile(r"(?<=://)[^/\s]*@|(?<=password=)[^&\s]*", re.IGNORECASE)
_MARKER = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")
_ENGINES = {"dask": "distributed", "ray": "ray", "slurm": "submitit"}
_ENTRY_POINTS = "robustnas."
_MOST = 300
_PATIENCE = 60  # seconds
_ASK_TORCH = """
from robustnas.evaluator.device import available_devices, choose_device, device_memory, device_name
devices = map(choose_device, (name for name in available_devices() if name == "cpu" or ":" in name))
print(", ".join(f"{device_name(device)} ({device_memory(device) / 1e9:.1f} GB)" for device in devices))
"""
"""What is asked in a process of its own: a torch that does not fit the machine may end the one that imports it."""

Section = Callable[[Path | None], str]
"""Returns what is to be said of one thing, given the folder that --data names."""


@click.command()
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the database.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def doctor(data: Path | None, as_json: bool) -> None:
    """Print what is installed and found, on one screen for a bug report.

    Versions, data, caches, devices, engines, NASLib and what installed packages register. Your home directory is
    written ~, passwords are left out. Where something cannot be told, it says why.

    \b
    Example:
      robustnas doctor
    """
    found = {name: _told(section, data) for name, section in _SECTIONS.items()}
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(fitted("\n".join(f"{name:<9} {text}" for name, text in found.items()), 10))


def _told(section: Section, data: Path | None) -> str:
    """Return what a section says, without secrets; or why it says nothing: whatever is broken is what is looked for."""
    try:
        text = section(data)
    except (Exception, SystemExit) as error:
        text = f"cannot be told ({_described(error)})"
    return _discreet(text)


def _described(error: BaseException) -> str:
    """Return an error in one line; numpy's, for one, has pages of advice.

    >>> _described(ImportError("no module"))
    'ImportError: no module'
    """
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return text if len(text) <= _MOST else f"{text[:_MOST]}..."


def _discreet(text: str) -> str:
    """Return a text with the home directory as ~, and without names and passwords of URLs.

    >>> _discreet("postgresql://ada:secret@db.lab/robustness?password=secret")
    'postgresql://***@db.lab/robustness?password=***'
    """
    for home in {str(Path.home()), os.path.realpath(Path.home())} - {"/"}:
        text = re.sub(rf"{re.escape(home)}(?=$|[/\\\s,:;)])", "~", text)
    return _SECRET.sub(lambda match: "***@" if match[0].endswith("@") else "***", text)


def _robustnas(data: Path | None) -> str:  # noqa: ARG001 - every section is called alike
    import robustnas

    return f"{version('robustnas')} in {Path(robustnas.__file__).parent.parent}"


def _system(data: Path | None) -> str:  # noqa: ARG001
    from robustnas.evaluator.memory_size import machine_memory
    from robustnas.workers import processors

    python = f"Python {platform.python_version()} in {sys.prefix}"
    return f"{python}; {platform.platform()}; {processors()} processors, {machine_memory() / 1e9:.1f} GB"


def _packages(data: Path | None) -> str:  # noqa: ARG001
    return ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def _extras(data: Path | None) -> str:  # noqa: ARG001
    """Return which extras are installed: those of which every package is there."""
    needed: dict[str, list[str]] = {}
    for requirement in requires("robustnas") or ():
        name = re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]
        for extra in _MARKER.findall(requirement):
            needed.setdefault(extra, []).append(name)
    single = {extra: names for extra, names in needed.items() if "robustnas" not in names}
    there = [extra for extra, names in single.items() if all("(" not in _version(name) for name in names)]
    lacking = [extra for extra in single if extra not in there]
    return _listed(there) + (f"; not installed: {_listed(lacking)}" if lacking else "")


def _data(data: Path | None) -> str:
    from robustnas.tables.database.database import Database, find_folder, has_data

    folder, origin = find_folder(data)
    if not has_data(folder):
        return f"none in {folder.absolute()} ({origin}); the embedded cifar10-surrogate needs none"
    database = Database.open(data)
    datasets = ", ".join(f"{name} ({len(database[name].metrics)} metrics)" for name in database)
    return f"{datasets} in {folder.absolute()} ({origin})"


def _tables(data: Path | None) -> str:
    from robustnas.tables.attached.attached import attached_datasets, attached_tables
    from robustnas.tables.kept_table import kept_names

    attached = [
        f"{name} of {dataset}" for dataset in attached_datasets(data) for name in attached_tables(dataset, data)
    ]
    return f"imported {_listed(kept_names())}; attached {_listed(attached)}"


def _cache(data: Path | None) -> str:  # noqa: ARG001
    from robustnas.tables.database.cache import cache_directory, cache_size

    there = "" if cache_directory().exists() else ", which is not there yet"
    return f"{cache_directory()}, {cache_size() / 1e6:.1f} MB{there}"


def _store(data: Path | None) -> str:  # noqa: ARG001
    from robustnas.measurements.location import Location

    location = Location.parse()
    if location.path is None:
        return f"{location} (not connected to)"
    return f"{location}, " + (f"{location.path.stat().st_size / 1e6:.1f} MB" if location.path.exists() else "none yet")


def _devices(data: Path | None) -> str:  # noqa: ARG001
    if importlib.util.find_spec("torch") is None:
        return "no torch: the extra evaluate brings it"
    done = subprocess.run(
        [sys.executable, "-c", _ASK_TORCH], capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        return f"cannot be told (torch ended with {done.returncode}: {last[:_MOST]})"
    return done.stdout.strip()


def _engines(data: Path | None) -> str:  # noqa: ARG001
    from robustnas.executors import EXECUTORS

    parts = [f"{name} {_version(_ENGINES[name])}" if name in _ENGINES else name for name in EXECUTORS]
    return ", ".join(parts) + ("" if shutil.which("sbatch") else "; no sbatch here")


def _naslib(data: Path | None) -> str:  # noqa: ARG001
    from robustnas.naslib.loading import location, source_digest

    folder = location()
    return "not installed" if folder is None else f"{folder}, source sha256:{source_digest()[:16]}"


def _plugins(data: Path | None) -> str:  # noqa: ARG001
    """Return what installed packages register, and which of it cannot be loaded."""
    groups = sorted(group for group in entry_points().groups if group.startswith(_ENTRY_POINTS))
    return _listed(_plugin(point) for group in groups for point in entry_points(group=group))


def _plugin(point: EntryPoint) -> str:
    what = f"{point.group.removeprefix(_ENTRY_POINTS)} {point.name} of {point.dist.name if point.dist else point.value}"
    try:
        point.load()
    except (Exception, SystemExit) as error:  # whatever another package raises
        return f"{what} (cannot be loaded: {_described(error)})"
    return what


def _settings(data: Path | None) -> str:  # noqa: ARG001
    names = sorted(name for name in os.environ if name.startswith("ROBUSTNAS_") or name in _SETTINGS)
    return _listed(f"{name}={os.environ[name]}" for name in names)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


_SECTIONS: dict[str, Section] = {
    "RobustNAS": _robustnas,
    "system": _system,
    "packages": _packages,
    "extras": _extras,
    "data": _data,
    "tables": _tables,
    "cache": _cache,
    "store": _store,
    "devices": _devices,
    "engines": _engines,
    "NASLib": _naslib,
    "plugins": _plugins,
    "settings": _settings,
}
