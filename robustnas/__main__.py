"""The command ``robustnas``, also as ``python -m robustnas``.

The command line itself is `experiments.cli`. It is started from here, by name, because many projects have folders of
their own called experiments or searchers: where Python would find one of these instead, that is said in a sentence.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

_PACKAGES = ("surrogates", "searchers", "experiments")


def main() -> None:
    """Run the command line, or say which package hides one of ours, and exit with code 2."""
    for name in _PACKAGES:
        if reason := hidden(name):
            sys.stderr.write(f"Error: {reason}\n")
            sys.exit(2)
    import_module("experiments.cli").main(prog_name="robustnas")


def hidden(package: str) -> str:
    """Return what hides one of RobustNAS's packages, and what to do; nothing if Python finds ours.

    >>> hidden("searchers")
    ''
    """
    ours = Path(__file__).resolve().parents[1] / package
    spec = find_spec(package)
    if spec is not None and spec.origin is not None and Path(spec.origin).resolve().parent == ours:
        return ""
    if spec is None or spec.origin is None:
        return f"the package {package} of RobustNAS is not in {ours.parent}: install RobustNAS again"
    other = Path(spec.origin).parent
    return (
        f"Python finds a package {package} in {other}, which hides that of RobustNAS in {ours}: rename that folder, or "
        f"take {other.parent} off PYTHONPATH"
    )


if __name__ == "__main__":
    main()
