"""The evaluator: trains the network of an architecture on image data and measures it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from robustnas.checks import whole_number
from robustnas.errors import BuildError, DataError, EvaluationError, InvalidInputError, RobustNASError
from robustnas.evaluator.corruptions.corruption_files import PUBLISHED
from robustnas.evaluator.corruptions.corruptions import facts, find_files, unknown_files
from robustnas.evaluator.device import choose_device, device_memory, device_name, threads
from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.evaluator.images.images import ImageData
from robustnas.evaluator.images.normalisation import normalisation
from robustnas.evaluator.measures import MEASURES, MeasureTask, Scored, attack_grid
from robustnas.evaluator.normalised import Normalised
from robustnas.evaluator.progress import Progress, silent
from robustnas.evaluator.software import versions
from robustnas.evaluator.space_edits import space_text
from robustnas.evaluator.space_networks import SpaceNetworks
from robustnas.evaluator.training.kept_weights import KeptWeights
from robustnas.evaluator.training.overfitting import is_overfitting_note
from robustnas.evaluator.training.state_dict import load_state_dict
from robustnas.evaluator.training.throughput import networks_at_once
from robustnas.evaluator.training.training import train_many
from robustnas.evaluator.training.training_config import TrainingConfig
from robustnas.evaluator.training.training_task import TrainingResult
from robustnas.evaluator.training.weights_file import WeightsFile
from robustnas.measurements import Measurement, MeasurementKey, NetworkKey
from robustnas.measurements.selection import CORRUPTION_DIGEST, OVERFITTING, REGIME, SPACE_DIGESTS
from robustnas.metric import CORRUPTIONS, Metric, check_measurable
from robustnas.recorder import Log, open_recorder
from robustnas.spaces import EnumerableSpace, open_space, recorded_name

_IMAGE_VALUES = {"cpu": 256 * 3 * 32 * 32, "cuda": 2048 * 3 * 32 * 32}  # pixels at a time
_LARGEST_BATCH = {"cpu": 1024, "cuda": 8192}
_SOME = 32  # of many architectures
_FEW_CHANNELS = 16  # of a layer, where a space has no channels of its own to say
_SMALL_LAYER = 1024  # values of an image in a layer; with 512, as for digits, two threads took 1.4 times as long as one


class Evaluator:
    """Measures networks on image data under fixed settings.

    Networks are trained once: their weights are kept in a folder, and a training that was killed resumes from its last
    checkpoint there.

    Args:
        images: The image data.
        settings: If None, the defaults for these images: `EvaluationSettings.for_images`.
        space: The search space, by name, reference or itself: one that builds networks. NAS-Bench-201 if None.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
        weights: A file of a state dict, such as a published one of NAS-Bench-201, instead of training. It is loaded
            into the network of the cell as it is given: layers of its canonical cell may be in other places.
        weights_seed: The training seed, for a file that holds the weights of several.
        folder: Where weights and checkpoints are kept; ``networks`` in the cache directory if None.
        corruptions: A folder of CIFAR-10-C or CIFAR-100-C; see `robustnas.evaluator.corruptions.corruptions`.
        batch_size: Images at a time; if None, what the device holds of such images.
        log: Where loss and accuracy of every epoch are recorded, such as ``tensorboard:runs``; see
            `robustnas.recorder`.

    Raises:
        InvalidInputError: A device that is not there, a training seed that the file of weights does not hold, or a
            space that builds no networks.
        DataError: The file of weights, or the folder of corrupted images, is missing or damaged.

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
        space: EnumerableSpace[Any] | str | None = None,
        device: str = "auto",
        weights: Path | None = None,
        weights_seed: int | None = None,
        folder: Path | None = None,
        corruptions: Path | None = None,
        batch_size: int | None = None,
        log: str | None = None,
    ) -> None:
        self.images = images
        self.space = space if isinstance(space, EnumerableSpace) else open_space(*filter(None, [space]))
        self.settings = settings or EvaluationSettings.for_images(images)
        self.device = choose_device(device)
        self.folder, self.corruptions = folder, corruptions
        self.log = Log.parse(log) if log else None
        if weights is None and weights_seed is not None:
            raise InvalidInputError(f"weights_seed is {weights_seed} without a file of weights")
        self.weights = WeightsFile.read(weights, dataset=images.name, seed=weights_seed) if weights else None
        default = _batch_size(images, self.device)
        self.batch_size = default if batch_size is None else whole_number("batch_size", batch_size, at_least=1)
        sizes = self.settings.sizes_in(self.space)
        self.networks = SpaceNetworks(self.space, images, sizes, device_memory(self.device))
        self.skeleton = self.networks.skeleton
        self.training: TrainingResult | None = None
        self.notes: list[str] = []
        if corruptions is not None:
            find_files(images.name, corruptions)
        self.training_digest = self._training_digest()
        n_images = self.settings.n_images
        self._data = images if n_images is None else replace(images, test=images.test.head(n_images))
        self._trained: tuple[Any, Normalised] | None = None
        self._overfitting = ""  # the note on the training of that network

    def with_seed(self, seed: int) -> Evaluator:
        """Return an evaluator that differs in the seed of weights, training and attacks alone.

        Raises:
            InvalidInputError: The weights are those of a file, which are of one training.
        """
        if self.weights is not None:
            raise InvalidInputError(f"seed is {seed} with a file of weights, which are of one training")
        other = copy(self)
        other.settings = replace(self.settings, seed=seed)
        other.training, other.notes, other._trained, other._overfitting = None, [], None, ""
        return other

    @property
    def device_name(self) -> str:
        """What records call the device."""
        return device_name(self.device)

    @property
    def settings_dict(self) -> dict[str, Any]:
        """The settings as plain data, for records: without sizes that the networks of the space do not take."""
        sizes = set(EvaluationSettings.SIZES) - set(self.space.sizes)
        return {name: value for name, value in self.settings.as_dict().items() if name not in sizes}

    @property
    def n_threads(self) -> int | None:
        """Threads that a CPU is fastest with: one where layers are too small to share, else None for all there are."""
        _, height, width = self.images.shape
        channels = self.networks.sizes.get("channels", _FEW_CHANNELS)
        return 1 if channels * height * width <= _SMALL_LAYER else None

    @property
    def regime(self) -> str:
        """How its networks are trained, in words; empty if in the standard way, or if a file has their weights."""
        return "" if self.weights else self.settings.training.regime

    def network_key(self, arch: Any) -> NetworkKey:
        """Return what fixes the trained network of an architecture."""
        given = self.space.parse(arch)
        canonical, training = self._canonical(given), self.training_digest
        if self.weights and given != canonical:  # the same file is another network where layers are in other places
            training = sha256(f"{training} of {given}".encode()).hexdigest()
        return self._key(str(canonical), training)

    def is_same_training(self, network: NetworkKey) -> bool:
        """Return whether a network is of this evaluator's training, image data and space, whatever its seed.

        The name of the image data fixes its normalisation.
        """
        if network.space != recorded_name(self.space):
            return False
        training = self.training_digest
        own = self.network_key(network.arch) if self.weights else self._key(network.arch, training)
        return network == replace(own, seed=network.seed)

    def _key(self, arch: str, training: str) -> NetworkKey:
        images, seed = self.images, self.settings.seed
        return NetworkKey(arch, images.name, images.digest, training, seed, space=recorded_name(self.space))

    def settings_digests(self, metrics: Iterable[Metric | str]) -> dict[Metric, str]:
        """Return a SHA-256 of what fixes each number besides network, metric and protocol.

        Under the protocol nested, a number depends on the smaller eps that are measured with it. One on published
        corrupted images depends on what is in their files.

        Raises:
            ObjectiveError: A metric's name does not parse.
            DataError: Files of corrupted images are missing or damaged.
        """
        wanted, digest = parse_metrics(metrics), self.settings.digest
        return {
            metric: digest(metric, attack_grid(metric.kind, wanted), corruption=self._corruption(metric))
            for metric in wanted
        }

    def superseded_digests(self, metrics: Iterable[Metric | str]) -> dict[Metric, str]:
        """Return the digests of corruptions from before the images of the files belonged to them; errors as above.

        Numbers under such a digest may be of other files than those here.
        """
        wanted = [metric for metric in parse_metrics(metrics) if metric.kind in CORRUPTIONS]
        if not wanted or find_files(self.images.name, self.corruptions) is None:
            return {}
        former = unknown_files(self.images.name)
        return {metric: self.settings.digest(metric, corruption=former) for metric in wanted}

    def keys(self, arch: Any, metrics: Iterable[Metric | str]) -> dict[Metric, MeasurementKey]:
        """Return what fixes the numbers of an architecture, by metric; see `settings_digests`."""
        network = self.network_key(arch)
        return {
            metric: MeasurementKey(network, str(metric), self.settings.protocol_of(metric), digest)
            for metric, digest in self.settings_digests(metrics).items()
        }

    def network(self, arch: Any, progress: Progress | None = None) -> Normalised:
        """Return the trained network of an architecture: the one in memory, the one kept, or a new one.

        Raises:
            DataError: Weights that do not fit, or a folder that cannot be written.
            BuildError: The space builds no network that can be trained.
            TrainingError: The training diverged.
        """
        given = self.space.parse(arch) if self.weights else self._canonical(arch)
        if self._trained is None or self._trained[0] != given:
            n_notes = len(self.notes)
            self._trained = given, self._trained_network(given, progress or silent)
            self._overfitting = next(filter(is_overfitting_note, self.notes[n_notes:]), "")
        return self._trained[1]

    def train(self, archs: Sequence[Any], progress: Sequence[Progress] | None = None) -> list[RobustNASError | None]:
        """Train those of some networks that are not trained yet, all at once; `network` and `measure` find them then.

        Args:
            archs: The architectures.
            progress: For each, what is called from time to time; what it raises ends that training alone, if it is an
                error of ours.

        Returns:
            For each the error that ended its training, None where there was none.

        Raises:
            DataError: Weights cannot be written.
            DeviceMemoryError: A network does not fit.
        """
        reports = dict(zip(archs, progress or [silent] * len(archs), strict=True))
        lacking = {} if self.weights else {self._canonical(arch): report for arch, report in reports.items()}
        errors: dict[Any, RobustNASError] = {}
        models: dict[Any, Normalised] = {}
        for architecture in lacking:
            if not self._kept(architecture).weights.exists():
                try:
                    models[architecture] = self._untrained(architecture)
                except BuildError as error:
                    errors[architecture] = error
        with threads(self.n_threads):
            outcomes = self._trained_at_once(list(models.items()), [lacking[arch] for arch in models])
        errors |= {
            arch: outcome for arch, outcome in zip(models, outcomes, strict=True) if isinstance(outcome, RobustNASError)
        }
        return [errors.get(self._canonical(arch)) for arch in archs]

    def networks_at_once(self, most: int, archs: Sequence[Any]) -> int:
        """Return how many networks are best trained at once, as measured on the device for some seconds; 1 on a CPU.

        Args:
            most: The largest answer.
            archs: The architectures that are to be trained: the most costly of some of them is tried.
        """

        def costly() -> Any:
            some = [self.space.parse(arch) for arch in archs[:: max(1, len(archs) // _SOME)]]
            return some[int(self.networks.costs("flops", some).argmax())]

        found = lru_cache(maxsize=1)(costly)
        return networks_at_once(
            lambda: self._untrained(found()), self.images.train, self.settings.training, device=self.device, most=most
        )

    def measure(
        self,
        arch: Any,
        metrics: Iterable[Metric | str],
        *,
        missing: Iterable[Metric] | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Measurement]:
        """Measure a network, training it first if necessary, and yield each number as soon as it is measured.

        Args:
            arch: The architecture, in any notation; its canonical network is measured, unless weights are given.
            metrics: What to measure. Under the protocol nested, eps of one attack depend on each other.
            missing: Those of the metrics to yield, if others are known already; all if None.
            progress: Called from time to time.

        Raises:
            ObjectiveError: A metric's name does not parse.
            EvaluationError: The training diverged, or an attack cannot be run.
        """
        wanted = parse_metrics(metrics)
        keys = self.keys(arch, wanted)
        chosen = frozenset(wanted if missing is None else missing)
        report = progress or silent
        task = MeasureTask(
            self.network(arch, report),
            self._data,
            self.settings,
            wanted,
            chosen,
            self.device,
            self.batch_size,
            self.corruptions,
            report,
            self.notes.append,
        )
        start = time.perf_counter()
        for scored in _scored(task):
            seconds, start = time.perf_counter() - start, time.perf_counter()
            if scored.metric in chosen:
                self._check_unchanged(scored, keys[scored.metric])
                yield Measurement(
                    key=keys[scored.metric],
                    accuracy=scored.scores.accuracy,
                    confidence=scored.scores.confidence,
                    confusion=scored.scores.confusion,
                    seconds=seconds,
                    device=self.device_name,
                    versions={**versions(), **scored.versions, **self._training_facts()},
                    measured_at=datetime.now(UTC),
                )

    def _training_facts(self) -> dict[str, str]:
        """Return what records say of a space that may change, and of a training that is not standard or went wrong."""
        digests = space_text(self.space.digests) if self.space.digests else ""
        facts = {REGIME: self.regime, OVERFITTING: self._overfitting, SPACE_DIGESTS: digests}
        return {name: text for name, text in facts.items() if text}

    def _training_digest(self) -> str:
        """Return a digest of what fixes weights besides the architecture, image data and seed.

        That is an uncommon normalisation, too.
        """
        trained = self.weights.digest if self.weights else self.settings.training_digest_in(self.space)
        if self.weights and self.space.digests:
            trained = sha256(f"{trained} in {self.space.name} {space_text(self.space.digests)}".encode()).hexdigest()
        own = (self.images.mean, self.images.std)
        if own == normalisation(self.images.name, self.images.train):
            return trained
        return sha256(f"{trained} normalised by {own!r}".encode()).hexdigest()

    def _canonical(self, arch: Any) -> Any:
        return EnumerableSpace.canonical(self.space, self.space.parse(arch))  # checked, where users define their own

    def _trained_network(self, arch: Any, report: Progress) -> Normalised:
        model = self._untrained(arch)
        if self.weights:
            load_state_dict(self.weights, model)
        elif not self._kept(arch).load(model, self.notes.append):
            (outcome,) = self._trained_at_once([(arch, model)], [report])
            if isinstance(outcome, RobustNASError):
                raise outcome
            self.training = outcome
            self.notes += outcome.notes
        return model.to(self.device).eval()

    def _trained_at_once(
        self, networks: Sequence[tuple[Any, Normalised]], reports: Sequence[Progress]
    ) -> list[TrainingResult | RobustNASError]:
        """Train some networks and keep their weights; return what `train_many` does."""
        settings, tasks = self.settings, []
        with ExitStack() as stack:
            for (arch, model), report in zip(networks, reports, strict=True):
                run = f"{_of_regime(self.images.name, settings.training)}/{arch}/{settings.seed}"
                recorder = stack.enter_context(open_recorder(self.log, run))
                tasks.append(self._kept(arch).task(model, seed=settings.seed, report=report, recorder=recorder))
            outcomes = train_many(tasks, self.images.train, settings.training, device=self.device)
        for (arch, model), outcome in zip(networks, outcomes, strict=True):
            if isinstance(outcome, TrainingResult):
                self._kept(arch).keep(model, outcome.notes)
        return outcomes

    def _untrained(self, arch: Any) -> Normalised:
        return self.networks.build(arch, self.settings.seed)

    def _kept(self, arch: Any) -> KeptWeights:
        return KeptWeights.of(self.network_key(arch), self.folder)

    def _corruption(self, metric: Metric) -> dict[str, str]:
        if metric.kind not in CORRUPTIONS:
            return {}
        return facts(self._data, metric.kind, int(metric.level or 0), folder=self.corruptions)

    def _check_unchanged(self, scored: Scored, key: MeasurementKey) -> None:
        """Refuse corrupted images that are not those of the key, under which the number would be kept."""
        found = scored.versions.get(CORRUPTION_DIGEST)
        if found is None:
            return
        read = {**unknown_files(self.images.name), "images": found}
        if self.settings.digest(scored.metric, corruption=read) != key.settings:
            name = PUBLISHED[self.images.name]
            raise DataError(f"the files of {name} changed while they were used; run the same command again")


def _scored(task: MeasureTask) -> Iterator[Scored]:
    """Yield what every measure yields.

    Raises:
        EvaluationError: A metric that no measure knows.
    """
    left = set(task.missing)
    for measure in MEASURES.values():
        for scored in measure(task):
            left.discard(scored.metric)
            yield scored
    if left:
        names = ", ".join(sorted(map(str, left)))
        raise EvaluationError(f"nothing measures {names}; the measures are {', '.join(MEASURES)}")


def parse_metrics(metrics: Iterable[Metric | str]) -> tuple[Metric, ...]:
    """Return some distinct metrics, parsed.

    Raises:
        ObjectiveError: A name does not parse.
        InvalidInputError: There is none, or one is known from tables only.
    """
    parsed = tuple(dict.fromkeys(check_measurable(Metric.parse(m) if isinstance(m, str) else m) for m in metrics))
    if not parsed:
        raise InvalidInputError("no metrics to measure; expected one or more, such as clean or pgd@1")
    return parsed


def _of_regime(name: str, training: TrainingConfig) -> str:
    """Return a name of images with what is trained on, such as ``digits-fgsm@32``, for logs."""
    attack = f"-{training.attack_name.lower()}@{training.train_eps:g}"
    return f"{name}{attack}" if training.is_adversarial else name


def _batch_size(images: ImageData, device: torch.device) -> int:
    """Return how many images go at once: the same number of pixels whatever their size, and enough to fill a GPU."""
    channels, height, width = images.shape
    fitting = _IMAGE_VALUES[device.type] // (channels * height * width)
    return max(8, min(fitting, _LARGEST_BATCH[device.type]))
