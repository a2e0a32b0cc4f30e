"""What the commands that measure share: options for settings, device and store, and how progress shows."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from robustnas.errors import RobustNASError

if TYPE_CHECKING:
    from robustnas.evaluator.evaluator import Evaluator
    from robustnas.evaluator.progress import Progress
    from robustnas.measurements import MeasurementStore

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--protocol",
        help="How attacks go over a grid of eps: paper (each alone) or nested (faster, never "
        "weaker).  [default: paper]",
    ),
    click.option("--recipe", help="Training recipe: benchmark, short or digits.  [default: what suits the images]"),
    click.option("--epochs", type=int, help="Epochs of training, instead of the recipe's."),
    click.option("--channels", type=int, help="Width of the first stage.  [default: what suits the images]"),
    click.option("--n-cells", type=int, help="Cells per stage.  [default: what suits the images]"),
    click.option("--n-images", type=int, help="Test images that are used, the first ones.  [default: all]"),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1."),
    click.option("--batch-size", type=int, help="Images attacked at once.  [default: what suits images and device]"),
    click.option(
        "--store",
        metavar="PATH|URL",
        help="Where measurements are kept: an SQLite file or a PostgreSQL URL.  "
        "[default: ROBUSTNAS_STORE, else a file in the user's data directory]",
    ),
    click.option(
        "--corruption-files",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="A folder of CIFAR-10-C or CIFAR-100-C.  [default: looked for; generated where there is none]",
    ),
)


@dataclass(frozen=True)
class EvaluationOptions:
    """What the options say, as typed: nothing is opened or checked before it is needed."""

    protocol: str | None = None
    recipe: str | None = None
    epochs: int | None = None
    channels: int | None = None
    n_cells: int | None = None
    n_images: int | None = None
    device: str = "auto"
    batch_size: int | None = None
    store: str | None = None
    corruption_files: Path | None = None

    def evaluator(self, images: str, *, seed: int = 0, weights: Path | None = None) -> Evaluator:
        """Open image data and return an evaluator on it.

        Raises:
            InvalidInputError: An option is wrong, or there are no such images.
            DataError: A file is faulty.
        """
        with torch_needed():
            from robustnas.evaluator.evaluation_settings import EvaluationSettings
            from robustnas.evaluator.evaluator import Evaluator
            from robustnas.evaluator.images.image_files import open_images
            from robustnas.evaluator.training.training_config import recipe
        data = open_images(images)
        training = recipe(self.recipe) if self.recipe else EvaluationSettings.for_images(data).training
        settings = EvaluationSettings.for_images(
            data,
            training=training if self.epochs is None else replace(training, epochs=self.epochs),
            protocol=self.protocol,
            channels=self.channels,
            n_cells=self.n_cells,
            n_images=self.n_images,
            seed=seed,
        )
        return Evaluator(
            data,
            settings,
            device=self.device,
            weights=weights,
            corruptions=self.corruption_files,
            batch_size=self.batch_size,
        )

    def open_store(self) -> MeasurementStore:
        """Open the store of measurements; errors as `robustnas.measurements.MeasurementStore.open`."""
        from robustnas.measurements import MeasurementStore

        return MeasurementStore.open(self.store)


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
def torch_needed() -> Iterator[None]:
    """Prepare to import torch: tell how to install what is missing, and let waiting threads sleep.

    Threads that spin while they wait slow a network of small layers down several times over where processors are
    shared with anything else.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        yield
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] not in ("torch", "pyautoattack"):
            raise
        raise RobustNASError(f'measuring needs {error.name}: pip install "robustnas[evaluate]"') from None


@contextmanager
def shown_progress(*, show: bool) -> Iterator[Progress]:
    """Show what is being done in one line with a bar, if the terminal is one to show it in."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not (show and sys.stderr.isatty())) as bars:
        task = bars.add_task("", total=1.0)

        def report(stage: str, share: float) -> None:
            bars.update(task, description=stage, completed=share)

        yield report
