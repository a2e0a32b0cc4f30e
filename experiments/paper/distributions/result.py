"""Distributions: how accurate the networks are, clean, under every attack and eps, every corruption and severity."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from experiments.pages.table import Entry, ReportTable, Row, number
from experiments.pages.wording import listed
from experiments.paper.distributions.accuracy_spread import (
    accuracy_quantiles,
    attack_summary,
    chance_level,
    severity_quantiles,
)
from experiments.paper.distributions.distribution_figures import attacks_figure, corruptions_figure
from experiments.paper.section import Question, Section
from robustnas.metric import ATTACKS

_SHOWN = ("q05", "q25", "median", "q75", "q95", "best")
_HEADS = ("5 %", "25 %", "median", "75 %", "95 %", "best", "at chance")

_PARAGRAPHS = (
    "Each distribution is over the 6,466 networks that were trained, each counted once. The paper draws the same "
    "accuracies as box plots, for attacks and for corruptions.",
    "A few networks guess under every metric, clean accuracy included: their cells carry next to nothing from input to "
    "output. Under strong attacks accuracies fall below chance, because an attack turns even guesses wrong; networks "
    "whose output hardly depends on the image are then the best, without being of any use. FGSM at large eps destroys "
    "the image itself, and accuracy returns to chance.",
    "Where nearly all networks are at zero, a metric cannot separate them: they differ by a few test images.",
)


def distributions(question: Question) -> Section:
    """Return the distribution of accuracy over all networks under every metric."""
    table = question.table
    chance = chance_level(table.dataset)
    quantiles, severities = accuracy_quantiles(table), severity_quantiles(table)
    attacks = attack_summary(quantiles, chance)
    question.progress("distributions: figures", 0.5)
    figures = {
        "distributions_attacks": attacks_figure(quantiles, chance),
        "distributions_corruptions": corruptions_figure(quantiles, chance),
    }
    return Section(
        name="distributions",
        title="Accuracy distributions",
        lead=_lead(quantiles, severities),
        paragraphs=_PARAGRAPHS,
        frames={"accuracy_quantiles": quantiles, "severity_quantiles": severities, "attack_summary": attacks},
        tables={
            "accuracy_quantiles": _quantiles_table(quantiles, severities),
            "attack_summary": _attacks_table(attacks),
        },
        figures={name: figure for name, figure in figures.items() if figure is not None},
        captions={
            "distributions_attacks": "Accuracy of all networks under attack: box, the middle half with its median; "
            "whiskers, 5 to 95 %; triangle, the best network; dashed, guessing. Eps 0 is clean accuracy.",
            "distributions_corruptions": "Accuracy of all networks under corruptions, as above; severity 0 is clean "
            "accuracy.",
        },
    )


def _lead(quantiles: pd.DataFrame, severities: pd.DataFrame) -> str:
    """Say how accurate the median network is, clean, under the strongest attack at eps 1/255, and under corruptions."""
    parts = []
    by_metric = quantiles.set_index("metric")
    if "clean" in by_metric.index:
        parts.append(f"{_percent(by_metric['median']['clean'])} accurate on clean images")
    strongest = [attack for attack in ("fgsm", "pgd", "apgd") if f"{attack}@1" in by_metric.index][-1:]
    parts += [
        f"{_percent(by_metric['median'][f'{attack}@1'])} under {ATTACKS[attack].title} at eps 1/255"
        for attack in strongest
    ]
    if len(severities):
        parts.append(f"{_percent(severities.iloc[-1]['median'])} under corruptions of the highest severity")
    if not parts:
        first = quantiles.iloc[0]
        parts.append(f"{_percent(first['median'])} accurate ({first['metric']})")
    return f"The median network is {listed(parts)}."


def _quantiles_table(quantiles: pd.DataFrame, severities: pd.DataFrame) -> ReportTable:
    rows = []
    for source in ("clean", *ATTACKS):
        group = ATTACKS[source].title if source in ATTACKS else "clean"
        for line in quantiles[quantiles["source"] == source].sort_values("level").to_dict("records"):
            name = f"eps {line['level']:g}/255" if source in ATTACKS else "no attack"
            rows.append(Row(group, (Entry(name), *_entries(line))))
    rows += [
        Row("mean over the corruptions", (Entry(f"severity {line['severity']:.0f}"), *_entries(line)))
        for line in severities.to_dict("records")
    ]
    return ReportTable(
        "Accuracy in percent: quantiles over all networks", ("metric", *_HEADS), tuple(rows), grouped="under"
    )


def _entries(line: Mapping[Hashable, Any]) -> list[Entry]:
    return [*(Entry(f"{100 * line[name]:.1f}") for name in _SHOWN), Entry(f"{100 * line['at_chance']:.1f}")]


def _attacks_table(attacks: pd.DataFrame) -> ReportTable:
    rows = [
        Row(
            "",
            (
                Entry(ATTACKS[str(line["attack"])].title),
                Entry(f"{line['widest_eps']:g}/255"),
                Entry(number(line["widest_range"], "accuracy")),
                Entry(_eps(line["eps_at_chance"])),
            ),
        )
        for line in attacks.to_dict("records")
    ]
    columns = ("attack", "spread is widest at eps", "interquartile range (points)", "median at chance from eps")
    return ReportTable("Where attacks tell networks apart, and where they leave nothing", columns, tuple(rows))


def _eps(level: float) -> str:
    return "–" if level != level else f"{level:g}/255"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
