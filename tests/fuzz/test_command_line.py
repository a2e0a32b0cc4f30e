"""Every option of every command with values of every kind: an error is one sentence, never a traceback.

Hypothesis draws the command lines, the same ones every time; ``ROBUSTNAS_FUZZ`` sets how many per command, and with it
they differ from run to run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.cli import COMMANDS, main
from experiments.commands.group import LazyCommand

pytestmark = pytest.mark.timeout(float(os.environ.get("ROBUSTNAS_FUZZ_SECONDS", "120")))

N_EXAMPLES = int(os.environ.get("ROBUSTNAS_FUZZ", "12"))
fuzz = settings(
    max_examples=N_EXAMPLES,
    deadline=None,
    derandomize="ROBUSTNAS_FUZZ" not in os.environ,
    suppress_health_check=list(HealthCheck),
    database=None,
)

NUMBERS = ["-1", "0", "1", "2", "1.5", "nan", "inf", "1e400", "2147483648", "9223372036854775808", "9" * 30, "9" * 5000]
TEXTS = [
    "",
    " ",
    ",",
    "+",
    "@",
    "none",
    "all",
    "clean",
    "pgd@1",
    "cifar10",
    "x" * 5000,
    "ä",
    "漢字",
    "\t",
    "a\nb",
    "🤖",
]
TEXTS += ["../..", "clean, pgd@1", "1e308*clean + 1e308*pgd@1", "clean where params < 0", "pgd@1e400", "min(", "hw.x"]
TEXTS += ["--", "%s{0}", "cifar10-surrogate@" + "9" * 5000, "sqlite://", "postgresql://x"]
FILES = ["empty", "binary", "text", "folder", "nowhere", "cut.json", "deep.json", "deep.toml", "long.toml", "cut.npz"]
FILES += ["one.csv", "headless.csv", "wrong.toml", "fill.toml", "plan.toml", "records", "py.py", "py.py:X", "cut.zip"]
SETTINGS = ["", "=", "a", "a=1", "name=1", "n_objectives=2", "space=1", "rng=1", "seed=1", 'encoding="x"', "cheap=5"]
SETTINGS += ["surrogate=5", "storage=5"]
SETTINGS += [f"population_size={value}" for value in ("-1", "nan", "9" * 5000, "1979-05-27", "[1]", "true", "[" * 3000)]
NETWORKS = ["#13433", "#99999", "index:-1", "43013", "(4, 0, 3, 1, 4, 3)", "|x~0|+|x~0|x~1|+|x~0|x~1|x~2|"]
NETWORKS += ["#" + "9" * 5000]

FINISHES_SOON = {
    "--budget": ["3", *NUMBERS[:2]],
    "--seeds": ["2"],
    "--trials": ["1"],
    "--train-sizes": ["5", *NUMBERS],
    "--jobs": [number for number in NUMBERS if number not in ("1", "2")],  # with one of these, `compare` would run
}
"""Values of options that decide how long a command runs: valid ones are small, invalid ones of every kind."""


def leaves() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command that does something, with the words that call it."""
    for name in COMMANDS:
        command = main.commands[name]
        found = command.load() if isinstance(command, LazyCommand) else command
        if isinstance(found, click.Group):
            yield from (((name, sub), leaf) for sub, leaf in found.commands.items())
        else:
            yield (name,), found


LEAVES = dict(leaves())


@pytest.fixture(scope="module", autouse=True)
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home, a working directory and broken files of their own; no database, no network."""
    folder = tmp_path_factory.mktemp("fuzz")
    write_files(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "ROBUSTNAS_CACHE", "ROBUSTNAS_ATTACHED"):
            patch.setenv(name, str(folder / "home"))
        patch.setattr("platformdirs.user_data_path", lambda name: folder / "home" / name)
        patch.setenv("ROBUSTNAS_STORE", str(folder / "store.db"))
        patch.setenv("ROBUSTNAS_URL", "http://127.0.0.1:9/")
        patch.delenv("ROBUSTNAS_DATA", raising=False)
        yield folder


def write_files(folder: Path) -> None:
    (folder / "home").mkdir()
    (folder / "folder").mkdir()
    (folder / "records").mkdir()
    (folder / "records" / "manifest.json").write_text('{"dataset": 1, "budget": "x", "seeds": {}, "searchers": 5}')
    (folder / "records" / "runs.jsonl").write_text("[[[\n")
    texts = {
        "empty": "",
        "text": "neither this nor that\n",
        "cut.json": '{"ids": {"0": ',
        "deep.json": "[" * 5000,
        "deep.toml": f"a = {'[' * 5000}",
        "long.toml": f"budget = {'9' * 5000}",
        "one.csv": "arch,x\n13433,1\n",
        "headless.csv": "1,2,3\n4,5,6\n",
        "wrong.toml": 'objectives = 5\nseeds = "x"\nsearchers = [1]\n',
        "fill.toml": 'images = 5\nmetrics = ["x"]\ncells = -1\n',
        "plan.toml": 'objectives = ["clean"]\n[[searchers]]\nname = "gp"\nencoding = 5\n',
        "py.py": "X = 5\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    for name in ("binary", "cut.npz", "cut.zip"):
        (folder / name).write_bytes(b"PK\x03\x04\x00\xff\xfe" + bytes(range(256)))


def values_of(parameter: click.Parameter) -> list[str]:
    """Return values for an option or argument: those of its kind, and everything else that fits on a command line."""
    names = parameter.opts
    if limited := [values for name, values in FINISHES_SOON.items() if name in names]:
        return limited[0] + TEXTS
    if isinstance(parameter.type, click.types.IntParamType):
        return NUMBERS + TEXTS[:4]
    if "--set" in names:
        return SETTINGS + TEXTS
    if parameter.human_readable_name in ("ARCH", "ARCHS"):
        return NETWORKS + TEXTS + NUMBERS
    known = list(getattr(parameter, "names", list)())
    return [*known[:4], *FILES, *TEXTS, *NUMBERS]


@st.composite
def command_lines(draw: st.DrawFn, words: tuple[str, ...]) -> list[str]:
    """Draw a command line: up to three options, and arguments, each with any value."""
    arguments = list(words)
    parameters = LEAVES[words].params
    options = [p for p in parameters if isinstance(p, click.Option) and p.name != "help"]
    must = [option for option in options if option.required]
    for option in must + draw(st.lists(st.sampled_from(options), max_size=3)) if options else []:
        arguments.append(option.opts[0])
        if not option.is_flag:
            arguments.append(draw(st.sampled_from(values_of(option))))
    wanted = [p for p in parameters if isinstance(p, click.Argument) and draw(st.integers(0, 5))]
    arguments += [draw(st.sampled_from(values_of(argument))) for argument in wanted]
    for name, value in SHORT.get(words, {}).items():
        if name not in arguments:
            arguments += [name, value]
    return arguments


SHORT: dict[tuple[str, ...], dict[str, str]] = {
    ("search",): {"--budget": "3"},
    ("compare",): {"--jobs": "0"},
    ("surrogates",): {"--trials": "1", "--train-sizes": "5", "--jobs": "1"},
    ("analyse",): {"--seeds": "2", "--budget": "3", "--jobs": "1"},
    ("evaluate",): {"--epochs": "1", "--n-images": "4", "--attacks": "none", "--recipe": "digits"},
    ("proxies",): {"--measures": "params"},
}
"""What is added to a command line so that a valid one ends soon."""


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_option_takes_or_refuses_every_value(words: tuple[str, ...]) -> None:
    @fuzz
    @given(command_lines(words))
    def run(arguments: list[str]) -> None:
        check(arguments)

    run()


def check(arguments: list[str]) -> None:
    """Run a command line and assert how it ends."""
    result = CliRunner().invoke(main, arguments, prog_name="robustnas", input="")
    shown = [argument[:80] for argument in arguments]
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"{shown} raised {result.exception!r}") from result.exception
    assert result.exit_code in (0, 1, 2), shown
    assert "-v" in arguments or "Traceback" not in result.stderr, shown  # -v shows where an error comes from
    if "--json" in arguments and result.exit_code != 2:
        assert not result.stdout.strip() or is_json(result.stdout), shown
    if result.exit_code and not ("--json" in arguments and result.stdout.strip()):
        lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, (shown, result.stderr[:2000])
        assert len(lines[0]) < 3000, (shown, len(lines[0]))


def is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except ValueError:
        return False
    return True


def _refuse(name: str) -> Callable[..., None]:
    raise ValueError(name)
