"""One network of a table, or several: their scores by name, for a look at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, overload

from robustnas.display import (
    ACCURACY,
    COUNT,
    card,
    drawing,
    facts_table,
    html_table,
    score_text,
    shortened,
    side_by_side,
)
from robustnas.errors import InvalidInputError, excerpt, unknown_name
from robustnas.metric import ATTACKS, CORRUPTIONS, Metric

if TYPE_CHECKING:
    import pandas as pd

_MOST_SHOWN = 20


@dataclass(frozen=True, eq=False)
class Network(Mapping[str, float]):
    """The scores of one architecture, by name; an objective that is not among them is computed, if its table is known.

    Args:
        architecture: The architecture; its text where its space is not there.
        uid: The number of its network.
        scores: Scores by name, NaN where unknown.
        scales: How scores are written that are no accuracies: ``count``, by name.
        dataset: What they are of.
        evaluate: Returns what `scores` lacks: a number and its scale.

    >>> from robustnas.tables import open_table
    >>> network = open_table("cifar10-surrogate")["#13433"]
    >>> network
    <network 13433 of cifar10-surrogate, 108 scores: clean 89.20 %, fgsm@0.1 84.40 %, ...>
    >>> network["worst@1"] <= network["pgd@1"]
    True
    """

    architecture: Any
    uid: int | None
    scores: Mapping[str, float]
    scales: Mapping[str, str] = field(default_factory=dict)
    dataset: str = ""
    evaluate: Callable[[str], float] | None = field(default=None, repr=False)

    @property
    def cell(self) -> Any:
        """The architecture, as an `Outcome` calls it."""
        return self.architecture

    def __getitem__(self, name: str) -> float:
        if name in self.scores:
            return self.scores[name]
        if self.evaluate is None:
            raise KeyError(unknown_name("score", name, self.scores))
        return self.evaluate(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    def __contains__(self, name: object) -> bool:
        return name in self.scores

    def text(self, name: str) -> str:
        """Return a score as people write it."""
        return score_text(self[name], self.scales.get(name, ACCURACY))

    @property
    def name(self) -> str:
        """What it is called: the number of its network, else its text."""
        return shortened(str(self.architecture)) if self.uid is None else f"network {self.uid}"

    def __repr__(self) -> str:
        shown = [f"{name} {self.text(name)}" for name in list(self.scores)[:2]]
        of = f" of {self.dataset}" if self.dataset else ""
        more = ["..."] if len(self) > len(shown) else []
        n_scores = f", {len(self)} scores" if more else ""
        return f"<{self.name}{of}{n_scores}: {', '.join([*shown, *more])}>"

    def _repr_html_(self) -> str:
        title = f"{self.name}{f' of {self.dataset}' if self.dataset else ''}"
        return card(title, side_by_side(drawing(self.architecture), _scores_html(self)), note=str(self.architecture))


@dataclass(frozen=True, eq=False)
class Networks(Sequence[Network]):
    """Several networks and their scores: a part of a table, the best of it, or a front.

    Args:
        networks: The networks, in the order in which they are shown.
        title: What they are.
        names: The scores shown of each; all of the first if ().
    """

    networks: tuple[Network, ...]
    title: str = ""
    names: tuple[str, ...] = ()

    @overload
    def __getitem__(self, place: int) -> Network: ...
    @overload
    def __getitem__(self, place: slice) -> Networks: ...
    def __getitem__(self, place: int | slice) -> Network | Networks:
        if isinstance(place, slice):
            return Networks(self.networks[place], self.title, self.names)
        if not hasattr(place, "__index__"):
            raise InvalidInputError(f"{excerpt(place)} is not a place among {len(self)} networks; expected 0, 1, ...")
        return self.networks[place]

    def __len__(self) -> int:
        return len(self.networks)

    @property
    def architectures(self) -> list[Any]:
        """The architectures, in order."""
        return [network.architecture for network in self.networks]

    def frame(self) -> pd.DataFrame:
        """Return them as a DataFrame: a row per network, with arch, uid and the scores."""
        import pandas as pd

        found = [
            {
                "arch": str(network.architecture),
                "uid": network.uid,
                **{name: network[name] for name in self._shown(network)},
            }
            for network in self.networks
        ]
        return pd.DataFrame(found, columns=None if found else ["arch", "uid", *self.names])

    def _shown(self, network: Network) -> tuple[str, ...]:
        return self.names or tuple(network)

    def __repr__(self) -> str:
        title = f": {self.title}" if self.title else ""
        n = f"{len(self)} network{'' if len(self) == 1 else 's'}"
        lines = [
            f"  {network.name:<14} {', '.join(f'{name} {network.text(name)}' for name in self._shown(network)[:6])}"
            for network in self.networks[:_MOST_SHOWN]
        ]
        more = [f"  and {len(self) - _MOST_SHOWN} more"] if len(self) > _MOST_SHOWN else []
        return "\n".join([f"<{n}{title}>", *lines, *more])

    def _repr_html_(self) -> str:
        shown = self.networks[:_MOST_SHOWN]
        names = self._shown(shown[0])[:8] if shown else ()
        rows = [
            (drawing(network.architecture, "15rem"), escape(network.name), *(network.text(name) for name in names))
            for network in shown
        ]
        title = self.title or f"{len(self)} networks"
        more = f"and {len(self) - len(shown)} more" if len(self) > len(shown) else ""
        table = html_table(("architecture", "network", *names), rows) if rows else ""
        return card(f"{title} ({len(self)})" if self.title else title, table, note=more)


def scale_of_metric(metric: Metric) -> str:
    """Return how a metric is written: ``accuracy`` or ``count``."""
    return ACCURACY if metric.is_accuracy else COUNT


def _scores_html(network: Network) -> str:
    """Return all scores: plain ones, attacks by eps and corruptions by severity."""
    plain: dict[str, str] = {}
    by_level: dict[str, dict[str, dict[float, float]]] = {"eps (1/255)": {}, "severity": {}}
    for name, value in network.items():
        kind, at, level = name.partition("@")
        short = kind.removeprefix("corruption:")
        group = "eps (1/255)" if kind in ATTACKS else "severity" if short in CORRUPTIONS else ""
        if at and group:
            by_level[group].setdefault(short, {})[float(level)] = value
        else:
            plain[name] = network.text(name)
    parts = [facts_table(plain)] if plain else []
    attacks, corruptions = by_level.values()
    if attacks:
        parts.append(_levels_html("accuracy (%) at eps / 255", attacks))
    if corruptions:
        inner = _levels_html("accuracy (%) at severity", corruptions)
        parts.append(f"<details><summary>{len(corruptions)} corruptions</summary>{inner}</details>")
    return "".join(parts)


def _levels_html(corner: str, rows: Mapping[str, Mapping[float, float]]) -> str:
    levels = sorted({level for row in rows.values() for level in row})
    texts = [
        (escape(kind), *(score_text(row[level]).removesuffix(" %") if level in row else "" for level in levels))
        for kind, row in rows.items()
    ]
    return html_table((corner, *(f"{level:g}" for level in levels)), texts)
