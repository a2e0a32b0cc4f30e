"""What the commands that measure share: options for settings, device and store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from experiments.commands.names_option import names_option
from experiments.commands.options import PATH
from robustnas.epsilon import epsilon
from robustnas.errors import RobustNASError
from robustnas.spaces import EnumerableSpace, open_space

if TYPE_CHECKING:
    from robustnas.evaluator.evaluator import Evaluator
    from robustnas.measurements import MeasurementStore

Command = TypeVar("Command", bound=Callable[..., Any])

device_option = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda or one GPU such as cuda:1."
)
batch_size_option = click.option(
    "--batch-size", type=int, show_default="by images and device", help="Images attacked at once."
)
store_option = click.option(
    "--store",
    metavar="PATH|URL",
    show_default="ROBUSTNAS_STORE, else a file in the user's data directory",
    help="Where measurements are kept: an SQLite file or a PostgreSQL URL.",
)
corruption_files_option = click.option(
    "--corruption-files",
    type=PATH,
    metavar="DIR",
    show_default="looked for, else generated",
    help="Folder of CIFAR-10-C or CIFAR-100-C.",
)
remeasure_option = click.option(
    "--remeasure", is_flag=True, help="Measure again what the store holds, and replace it. Weights are kept."
)
log_option = click.option(
    "--log",
    metavar="tensorboard:DIR|mlflow:URI",
    help="Record curves of trainings and searches while they run.",
)


def _recipes() -> Iterable[str]:
    from robustnas.evaluator.training.training_config import RECIPES

    return RECIPES


recipe_option = names_option("--recipe", names=_recipes, show_default="by images", help="Training recipe.")
train_eps_option = click.option(
    "--train-eps", metavar="EPS", show_default="the recipe's", help="Eps of an adversarial recipe, in units of 1/255."
)


def _precisions() -> Iterable[str]:
    from robustnas.evaluator.attacks.settings import PRECISIONS

    return PRECISIONS


attack_precision_option = names_option(
    "--attack-precision",
    names=_precisions,
    show_default="float32",
    help="Arithmetic in which attacks by gradients search; whether an image is fooled is decided in float32.",
)

as_new_option = click.option(
    "--as-new",
    is_flag=True,
    help="Measure a space of your own that was edited since as a new one; what was measured before is kept.",
)

_OPTIONS = (
    click.option(
        "--protocol",
        show_default="paper",
        help="How attacks run over a grid of eps: paper (each alone) or nested (faster, never weaker).",
    ),
    attack_precision_option,
    recipe_option,
    train_eps_option,
    click.option("--epochs", type=int, show_default="the recipe's", help="Epochs of training."),
    click.option("--channels", type=int, show_default="by images", help="Width of the first stage."),
    click.option("--n-cells", type=int, show_default="by images", help="Cells per stage."),
    click.option("--n-images", type=int, show_default="all", help="Number of test images to use, from the first."),
    device_option,
    batch_size_option,
    store_option,
    remeasure_option,
    as_new_option,
    corruption_files_option,
    log_option,
)


@dataclass(frozen=True)
class EvaluationOptions:
    """The options' values as typed: nothing is opened or checked before it is needed."""

    protocol: str | None = None
    attack_precision: str | None = None
    recipe: str | None = None
    train_eps: str | None = None
    epochs: int | None = None
    channels: int | None = None
    n_cells: int | None = None
    n_images: int | None = None
    device: str = "auto"
    batch_size: int | None = None
    store: str | None = None
    remeasure: bool = False
    as_new: bool = False
    corruption_files: Path | None = None
    log: str | None = None

    def evaluator(
        self,
        images: str,
        *,
        space: EnumerableSpace[Any] | None = None,
        seed: int = 0,
        weights: Path | None = None,
        weights_seed: int | None = None,
    ) -> Evaluator:
        """Open image data and return an evaluator on it.

        Raises:
            InvalidInputError: An option is wrong, or there are no such images.
            DataError: A file is faulty.
        """
        with torch_needed():
            from robustnas.evaluator.evaluation_settings import EvaluationSettings, check_sizes
            from robustnas.evaluator.evaluator import Evaluator
            from robustnas.evaluator.images.image_files import open_images
        changes = {"epochs": self.epochs, "train_eps": training_eps(self.train_eps)}
        searched = open_space() if space is None else space
        check_sizes(searched, {"channels": self.channels, "n_cells": self.n_cells})
        data = open_images(images)
        settings = EvaluationSettings.for_images(
            data,
            training=EvaluationSettings.training_for(
                data, self.recipe, **{name: value for name, value in changes.items() if value is not None}
            ),
            protocol=self.protocol,
            attack_precision=self.attack_precision,
            channels=self.channels,
            n_cells=self.n_cells,
            n_images=self.n_images,
            seed=seed,
        )
        return Evaluator(
            data,
            settings,
            space=searched,
            device=self.device,
            weights=weights,
            weights_seed=weights_seed,
            corruptions=self.corruption_files,
            batch_size=self.batch_size,
            log=self.log,
        )

    @property
    def since(self) -> datetime | None:
        """Since when numbers in the store count, from now on; None if they always do."""
        return datetime.now(UTC) if self.remeasure else None

    def open_store(self) -> MeasurementStore:
        """Open the store of measurements; errors as `robustnas.measurements.MeasurementStore.open`."""
        from robustnas.measurements import MeasurementStore

        return MeasurementStore.open(self.store)


def training_eps(text: str | None) -> float | None:
    """Return the eps that ``--train-eps`` gives, in units of 1/255.

    Raises:
        ObjectiveError: It is none.
    """
    return None if text is None else epsilon(text, f"--train-eps {text}")


def evaluation_options(command: Command) -> Command:
    """Add the options to a command, which gets them as one argument ``evaluation``."""
    names = EvaluationOptions.__dataclass_fields__

    @wraps(command)
    def gathered(**arguments: Any) -> Any:
        mine = {name: arguments.pop(name) for name in names}
        return command(evaluation=EvaluationOptions(**mine), **arguments)

    wrapped: Any = gathered
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


@contextmanager
def torch_needed(else_what: str = "") -> Iterator[None]:
    """Prepare to import torch: say how to install it if it is missing, and let waiting threads sleep.

    Threads that spin while they wait slow a network of small layers down several times over where processors are
    shared with anything else.

    Args:
        else_what: What to add of what can be done without it.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        yield
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("torch", "pyautoattack"):
            raise
        raise RobustNASError(f'measuring needs {package}: pip install "robustnas[evaluate]"{else_what}') from None
