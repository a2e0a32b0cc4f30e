"""``robustnas evaluate``: train the network of an architecture and attack it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from experiments.commands.evaluation_options import EvaluationOptions, evaluation_options, torch_needed
from experiments.commands.group import fail
from experiments.commands.interruptions import evaluation_advice, terminations_interrupt
from experiments.commands.names_option import names_option
from experiments.commands.options import (
    PATH,
    SEVERAL,
    json_option,
    listed,
    note_lines,
    note_reading,
    print_json,
    score_lines,
    seed_option,
    space_option,
)
from experiments.pages.terminal import fitted
from experiments.progress import progress_bars
from robustnas.epsilon import check_norm, epsilon, norm_advice
from robustnas.errors import InvalidInputError, excerpt, unknown_name
from robustnas.metric import (
    ATTACKS,
    CORRUPTIONS,
    SEVERITIES,
    Metric,
    check_measurable,
    measurable_attacks,
    scale_notes,
    severity,
)
from robustnas.spaces import DEFAULT_SPACE, open_space, recorded_name

if TYPE_CHECKING:
    from robustnas.evaluator.evaluator import Evaluator
    from robustnas.measurements import Measurement, MeasurementStore


@click.command()
@click.argument("arch")
@space_option("Search space of ARCH.")
@click.option(
    "--images",
    default="digits",
    show_default=True,
    metavar="NAME|PATH",
    help="Image data: digits, mnist, fashion-mnist, cifar10, ... or a file or folder of them.",
)
@names_option(
    "--attacks",
    names=lambda: [*measurable_attacks(), "none"],
    separators=SEVERAL,
    default="fgsm,pgd,apgd,square",
    help="Attacks, separated by commas; none for clean accuracy alone.",
)
@click.option("--eps", default="8,16,32", show_default=True, help="Eps of the attacks in units of 1/255; 8/255 is 8.")
@names_option(
    "--corruptions",
    names=lambda: [*CORRUPTIONS, "all", "none"],
    separators=SEVERAL,
    default="none",
    help="Corruptions, separated by commas.",
)
@click.option("--severities", default="1,2,3,4,5", show_default=True, help="Severities of the corruptions.")
@seed_option("weights, training and attacks")
@click.option(
    "--weights",
    type=PATH,
    help="File of trained weights to measure instead of training: a state dict, such as a published one of "
    "NAS-Bench-201.",
)
@click.option("--weights-seed", type=int, help="Training seed, where the file of weights holds several.")
@evaluation_options
@json_option
def evaluate(
    arch: str,
    space: str | None,
    images: str,
    attacks: str,
    eps: str,
    corruptions: str,
    severities: str,
    seed: int,
    weights: Path | None,
    weights_seed: int | None,
    as_json: bool,
    evaluation: EvaluationOptions,
) -> None:
    """Train the network ARCH and measure its accuracy and robustness on images.

    Accuracies are clean, under attacks and under corruptions. Measurements are kept in a store and not repeated.
    Weights are kept too: an interrupted training resumes. After Ctrl-C, what was measured so far is printed.

    \b
    Example:
      robustnas evaluate '#13433' --images digits --attacks fgsm,pgd --eps 8,16
      robustnas evaluate depth=4,width=16 --space my_spaces.py:MySpace --images digits --attacks autoattack
      robustnas evaluate '#13433' --images ~/data/cifar-10-batches-py --epochs 12 --protocol nested --device cuda
    """
    searched = open_space(space or DEFAULT_SPACE)
    architecture = searched.parse(arch)
    if searched.name == DEFAULT_SPACE:
        note_reading(arch)
    metrics = [Metric("clean"), *_attacked(attacks, eps), *_corrupted(corruptions, severities)]
    start = time.perf_counter()
    evaluator = evaluation.evaluator(images, space=searched, seed=seed, weights=weights, weights_seed=weights_seed)
    from robustnas.measurements.selection import OVERFITTING

    with torch_needed():
        from robustnas.evaluator.measurer import StoreMeasurer, set_aside, set_aside_note
        from robustnas.evaluator.software import differing_note
        from robustnas.evaluator.space_edits import check_unedited
    since = evaluation.since
    with evaluation.open_store() as store, progress_bars(show=not as_json) as bars, terminations_interrupt():
        evaluator.notes += check_unedited(searched, store, as_new=evaluation.as_new)
        known = store.known(evaluator.network_key(architecture), since=since)
        try:
            found = StoreMeasurer(evaluator, store, bars.add().show, since=since).measurements(architecture, metrics)
        except KeyboardInterrupt:
            _interrupted(architecture, evaluator, store, metrics, evaluation, as_json)
        evaluator.notes += [*scale_notes(metrics), *set_aside_note(set_aside(evaluator, store, metrics))]
    stored = [measurement for measurement in found.values() if measurement.key in known]
    overfitted = dict.fromkeys(measurement.versions.get(OVERFITTING, "") for measurement in stored)
    evaluator.notes += [note for note in overfitted if note and note not in evaluator.notes]
    evaluator.notes += differing_note(stored, evaluator.device_name)
    result = _result(str(architecture), evaluator, found, len(stored), time.perf_counter() - start)
    if as_json:
        print_json(result)
    else:
        click.echo(fitted(_text(result)))


def _interrupted(
    architecture: Any,
    evaluator: Evaluator,
    store: MeasurementStore,
    metrics: Sequence[Metric],
    evaluation: EvaluationOptions,
    as_json: bool,
) -> NoReturn:
    """Print what is measured so far, and how to go on."""
    keys = {key: metric for metric, key in evaluator.keys(architecture, metrics).items()}
    measured = store.measurements(evaluator.network_key(architecture))
    kept = {str(keys[found.key]): found.accuracy for found in measured if found.key in keys}
    if as_json:
        print_json({"arch": str(architecture), "images": evaluator.images.name, "interrupted": True, "scores": kept})
    elif kept:
        click.echo("\n".join([str(architecture), *score_lines(kept)]))
    advice = evaluation_advice(len(kept), len(keys), remeasure=evaluation.remeasure)
    fail(f"interrupted; {advice}", code=1)


def _attacked(attacks: str, eps: str) -> list[Metric]:
    names = [] if attacks.strip() == "none" else _several(attacks)
    for name in names:
        if name not in ATTACKS:
            check_norm(name, ATTACKS)
            unknown = unknown_name("attack", name, [*measurable_attacks(), "none"])
            raise InvalidInputError(norm_advice(name) or unknown)
    levels = sorted({epsilon(text, f"--eps {eps}") for text in _several(eps)})
    return [check_measurable(Metric(name, level)) for name in dict.fromkeys(names) for level in levels]


def _corrupted(corruptions: str, severities: str) -> list[Metric]:
    names = [] if corruptions.strip() == "none" else _several(corruptions)
    names = list(CORRUPTIONS) if names == ["all"] else names
    for name in names:
        if name not in CORRUPTIONS:
            raise InvalidInputError(unknown_name("corruption", name, [*CORRUPTIONS, "all", "none"]))
    levels = sorted({severity(text, f"--severities {severities}") for text in _several(severities)} & set(SEVERITIES))
    return [Metric(name, float(level)) for name in dict.fromkeys(names) for level in levels]


def _several(text: str) -> list[str]:
    parts = listed(text)
    if not parts:
        raise InvalidInputError(f"{excerpt(text)} lists nothing; expected one or more, separated by commas")
    return parts


def _result(
    arch: str, evaluator: Evaluator, found: Mapping[Metric, Measurement], n_stored: int, seconds: float
) -> dict[str, Any]:
    clean = found[Metric("clean")]
    others = {str(metric): value for metric, value in found.items() if metric.kind != "clean"}
    scales = {value.versions["corruptions"] for value in others.values() if "corruptions" in value.versions}
    training = evaluator.training
    return {
        "arch": arch,
        **({"space": recorded_name(evaluator.space)} if evaluator.space.name != DEFAULT_SPACE else {}),
        "images": evaluator.images.name,
        "n_images": int(clean.confusion.sum()),
        "clean": clean.accuracy,
        "scores": {name: value.accuracy for name, value in others.items()},
        "confidence": {str(metric): dict(value.confidence) for metric, value in found.items()},
        "confusion": {"clean": clean.confusion.tolist()},
        "seconds": round(seconds, 3),
        "training_seconds": round(training.seconds, 3) if training else 0.0,
        "measuring_seconds": {str(metric): round(value.seconds, 3) for metric, value in found.items()},
        "from_store": n_stored,
        "device": clean.device,
        "training": evaluator.regime or None,
        "settings": evaluator.settings_dict,
        "corruption_scale": ", ".join(sorted(scales)) or None,
        "notes": evaluator.notes,
    }


def _text(result: dict[str, Any]) -> str:
    settings, scores = result["settings"], result["scores"]
    training = settings["training"]
    regime = f", {result['training']}" if result["training"] else ""
    lines = [
        result["arch"],
        f"on {result['images']}: {_sizes(settings)}"
        f"{training['epochs']} epochs{regime}, seed {settings['seed']}; {result['n_images']} test images",
        "",
        f"clean  {100 * result['clean']:.1f}",
    ]
    lines += score_lines(scores)
    lines += ["", f"accuracies in percent; @ eps in 1/255 ({settings['protocol']} protocol) or severity"]
    if settings["attack_precision"] != "float32":
        lines.append(
            f"attacks by gradients searched in {settings['attack_precision']}; what they found was judged in float32"
        )
    if result["corruption_scale"]:
        lines.append(f"corruptions: {result['corruption_scale']}")
    lines += note_lines(result["notes"])
    n = result["from_store"]
    stored = f", {n:,} {'number' if n == 1 else 'numbers'} from the store" if n else ""
    lines.append(
        f"{result['seconds']:.1f} s on {result['device']}, {result['training_seconds']:.1f} s of training{stored}"
    )
    return "\n".join(lines)


def _sizes(settings: Mapping[str, Any]) -> str:
    if "channels" not in settings:
        return ""
    return f"{settings['channels']} channels, {settings['n_cells']} cells per stage, "
