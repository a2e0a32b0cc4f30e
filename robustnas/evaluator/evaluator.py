"""The evaluator: trains the network of a cell on image data and measures it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from robustnas.checks import whole_number
from robustnas.errors import DataError, InvalidInputError
from robustnas.evaluator.attacks import attack_images
from robustnas.evaluator.corruptions.corruptions import corrupted, scale_of
from robustnas.evaluator.device import choose_device, device_name
from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.evaluator.images.images import ImageData, LabelledImages
from robustnas.evaluator.network import Normalised, build
from robustnas.evaluator.prediction import predict
from robustnas.evaluator.scores import Scores
from robustnas.evaluator.training.checkpoint import DamagedFileError, load_weights, restore, save_weights
from robustnas.evaluator.training.training import TrainingProgress, TrainingResult, train
from robustnas.measurements import Measurement, MeasurementKey, NetworkKey
from robustnas.metric import ATTACKS, CORRUPTIONS, Metric
from robustnas.spaces.nasbench201.cell import Architecture, Cell
from robustnas.spaces.nasbench201.space import canonical
from robustnas.tables.database.cache import cache_directory

Progress = Callable[[str, float], None]
"""Called with what is being done, such as ``training``, and the share of it that is done, in [0, 1]."""

_PACKAGES = ("robustnas", "torch", "numpy", "pyautoattack", "imagecorruptions-imaug")
_IMAGE_VALUES = {"cpu": 256 * 3 * 32 * 32, "cuda": 2048 * 3 * 32 * 32}  # pixels at a time
_LARGEST_BATCH = {"cpu": 1024, "cuda": 8192}


def silent(stage: str, share: float) -> None:
    """Show no progress."""


class Evaluator:
    """Measures networks on image data under fixed settings.

    Networks are trained once: their weights are kept in a folder, and a training that was killed goes on from its last
    checkpoint there.

    Args:
        images: The image data.
        settings: What suits the images, if None.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
        weights: A file of a state dict, such as a published one of NAS-Bench-201, instead of training.
        folder: Where weights and checkpoints are kept; ``networks`` in the cache directory if None.
        corruptions: A folder of CIFAR-10-C or CIFAR-100-C; see `robustnas.evaluator.corruptions.corruptions`.
        batch_size: Images at a time; what suits images and device if None.

    Raises:
        InvalidInputError: A device that is not there.

    Example::

        evaluator = Evaluator(open_images("digits"))
        for measurement in evaluator.measure("#13433", ["clean", "pgd@8", "pgd@16"]):
            print(measurement.key.metric, measurement.accuracy)
    """

    def __init__(
        self,
        images: ImageData,
        settings: EvaluationSettings | None = None,
        *,
        device: str = "auto",
        weights: Path | None = None,
        folder: Path | None = None,
        corruptions: Path | None = None,
        batch_size: int | None = None,
    ) -> None:
        self.images = images
        self.settings = settings or EvaluationSettings.for_images(images)
        self.device = choose_device(device)
        self.weights, self.folder, self.corruptions = weights, folder, corruptions
        suited = _batch_size(images, self.device)
        self.batch_size = suited if batch_size is None else whole_number("batch_size", batch_size, at_least=1)
        self.skeleton = self.settings.skeleton(images)
        self.training: TrainingResult | None = None
        self.notes: list[str] = []
        self.training_digest = _file_digest(weights) if weights else self.settings.training_digest
        n_images = self.settings.n_images
        self._data = images if n_images is None else replace(images, test=images.test.head(n_images))
        self._trained: tuple[Cell, Normalised] | None = None

    def network_key(self, arch: Architecture) -> NetworkKey:
        """Return what fixes the trained network of an architecture."""
        cell = canonical(Cell.parse(arch))
        return NetworkKey(cell.arch, self.images.name, self.images.digest, self.training_digest, self.settings.seed)

    def keys(self, arch: Architecture, metrics: Iterable[Metric | str]) -> dict[Metric, MeasurementKey]:
        """Return what fixes the numbers of an architecture, by metric.

        Under the protocol nested, a number depends on the smaller eps that are measured with it.

        Raises:
            ObjectiveError: A metric's name does not parse.
        """
        network, wanted = self.network_key(arch), parse_metrics(metrics)
        return {
            metric: MeasurementKey(
                network,
                str(metric),
                self.settings.protocol_of(metric),
                self.settings.digest(metric, _grid(metric.kind, wanted), scale=self._scale(metric)),
            )
            for metric in wanted
        }

    def network(self, arch: Architecture, progress: Progress | None = None) -> Normalised:
        """Return the trained network of an architecture: the one in memory, the one kept, or a new one.

        Raises:
            DataError: Weights that do not fit, or a folder that cannot be written.
            TrainingError: The training diverged.
        """
        cell = canonical(Cell.parse(arch))
        if self._trained is None or self._trained[0] != cell:
            self._trained = cell, self._train(cell, progress or silent)
        return self._trained[1]

    def measure(
        self,
        arch: Architecture,
        metrics: Iterable[Metric | str],
        *,
        missing: Iterable[Metric] | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Measurement]:
        """Measure a network, training it first if need be, and yield each number as soon as it is there.

        Args:
            arch: The architecture, in any notation; its canonical network is measured.
            metrics: What to measure. Under the protocol nested, eps of one attack depend on each other.
            missing: Those of the metrics to yield, if others are known already; all if None.
            progress: Called now and then.

        Raises:
            ObjectiveError: A metric's name does not parse.
            EvaluationError: The training diverged, or an attack cannot be run.
        """
        wanted = parse_metrics(metrics)
        keys = self.keys(arch, wanted)
        chosen = set(wanted if missing is None else missing)
        report = progress or silent
        model = self.network(arch, report)
        start = time.perf_counter()
        for metric, scores, origin in self._scores(model, wanted, chosen, report):
            seconds, start = time.perf_counter() - start, time.perf_counter()
            if metric in chosen:
                yield Measurement(
                    key=keys[metric],
                    accuracy=scores.accuracy,
                    confidence=scores.confidence,
                    confusion=scores.confusion,
                    seconds=seconds,
                    device=device_name(self.device),
                    versions=_versions() | origin,
                    measured_at=datetime.now(UTC),
                )

    def _scores(
        self, model: Normalised, wanted: Sequence[Metric], chosen: set[Metric], report: Progress
    ) -> Iterator[tuple[Metric, Scores, dict[str, str]]]:
        if Metric("clean") in chosen:
            yield Metric("clean"), self._predicted(model, self._data.test), {}
        for attack in ATTACKS:
            last = max((metric.level or 0 for metric in chosen if metric.kind == attack), default=0)
            grid = [eps for eps in _grid(attack, wanted) if eps <= last]
            if self.settings.protocol == "paper":
                grid = [eps for eps in grid if Metric(attack, eps) in chosen]
            for metric, scores in self._attacked(model, attack, grid, report):
                yield metric, scores, {}
        for metric in sorted(metric for metric in chosen if metric.kind in CORRUPTIONS):
            report(str(metric), 0.0)
            found = corrupted(
                self._data, metric.kind, int(metric.level or 0), folder=self.corruptions, seed=self.settings.seed
            )
            yield metric, self._predicted(model, found.images), {"corruptions": found.scale}

    def _attacked(
        self, model: Normalised, attack: str, grid: Sequence[float], report: Progress
    ) -> Iterator[tuple[Metric, Scores]]:
        if not grid:
            return
        planned = self.settings.attacks.passes(attack) * len(self._data.test) * len(grid)
        done = 0
        shown = f"{attack} at eps {', '.join(f'{eps:g}' for eps in grid)}"
        report(shown, 0.0)

        def tick(n: int) -> None:
            nonlocal done
            done += n
            report(shown, min(done / planned, 1.0))

        settings = self.settings
        for result in attack_images(
            model,
            self._data.test,
            attack,
            grid,
            protocol=settings.protocol,
            settings=settings.attacks,
            seed=settings.seed,
            batch_size=self.batch_size,
            device=self.device,
            tick=tick,
        ):
            self.notes += [f"{attack}@{result.eps:g}: {note}" for note in result.notes]
            yield Metric(attack, result.eps), result.scores
        report(shown, 1.0)

    def _predicted(self, model: Normalised, images: LabelledImages) -> Scores:
        return Scores.of(predict(model, images, device=self.device, batch_size=self.batch_size), images.labels)

    def _train(self, cell: Cell, report: Progress) -> Normalised:
        settings, data = self.settings, self.images
        network = build(cell, data.n_classes, settings.channels, settings.n_cells, data.shape[0], seed=settings.seed)
        model = Normalised(network, data.mean, data.std)
        if self.weights:
            load_state(self.weights, model)
            return model.to(self.device).eval()
        identity = {"arch": cell.arch, "images": data.digest, "training": self.training_digest}
        kept, checkpoint = self._files(cell)
        if kept.exists():
            try:
                load_weights(kept, model, identity)
                return model.to(self.device).eval()
            except DamagedFileError as error:
                self.notes.append(f"{error}; trained anew")

        def progress(state: TrainingProgress) -> None:
            report("training", state.fraction)

        self.training = train(
            model,
            data.train,
            settings.training,
            seed=settings.seed,
            device=self.device,
            identity=identity,
            checkpoint=checkpoint,
            progress=progress,
        )
        self.notes += self.training.notes
        save_weights(kept, model, identity)
        checkpoint.unlink(missing_ok=True)
        return model.eval()

    def _files(self, cell: Cell) -> tuple[Path, Path]:
        """Return where a network's weights and checkpoint are kept; the folder is made."""
        key = self.network_key(cell)
        folder = (self.folder or cache_directory() / "networks") / f"{key.training[:16]}-{key.images_digest[:16]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"cannot make {folder}: {error.strerror or error}"
            raise DataError(f"{reason}; ROBUSTNAS_CACHE names another cache") from error
        name = f"{cell.index}-{key.seed}"
        return folder / f"{name}.weights", folder / f"{name}.checkpoint"

    def _scale(self, metric: Metric) -> str:
        return scale_of(self.images.name, self.corruptions) if metric.kind in CORRUPTIONS else ""


def load_state(path: Path, model: Normalised) -> None:
    """Load a state dict, such as a published one of NAS-Bench-201, without executing what a pickle may hold.

    Args:
        path: A file of `torch.save`: a state dict, or a dict with one as ``state_dict``, ``net`` or ``model``.
        model: The network to load into.

    Raises:
        DataError: The file is missing, is none of that, or is of another network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DataError(f"cannot read the weights {path}: {error.strerror or error}") from error
    except Exception as error:  # torch raises what its parts happen to raise
        raise DataError(f"{path} holds no plain state dict: {str(error).splitlines()[0]}") from error
    for name in ("state_dict", "net", "model"):
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise DataError(f"{path} holds no state dict; expected tensors by name, as torch.save(net.state_dict()) writes")
    restore(model.network, {name.removeprefix("module."): value for name, value in content.items()}, path)


def parse_metrics(metrics: Iterable[Metric | str]) -> tuple[Metric, ...]:
    """Return some distinct metrics, parsed.

    Raises:
        ObjectiveError: A name does not parse.
        InvalidInputError: There is none.
    """
    parsed = tuple(dict.fromkeys(Metric.parse(m) if isinstance(m, str) else m for m in metrics))
    if not parsed:
        raise InvalidInputError("no metrics to measure; expected one or more, such as clean or pgd@1")
    return parsed


def _grid(attack: str, metrics: Iterable[Metric]) -> list[float]:
    return sorted(metric.level or 0.0 for metric in metrics if metric.kind == attack)


def _batch_size(images: ImageData, device: torch.device) -> int:
    """Return how many images go at once: the same number of pixels whatever their size, and enough to fill a GPU."""
    channels, height, width = images.shape
    fitting = _IMAGE_VALUES[device.type] // (channels * height * width)
    return max(8, min(fitting, _LARGEST_BATCH[device.type]))


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _file_digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"cannot read the weights {path}: {error.strerror or error}") from error
