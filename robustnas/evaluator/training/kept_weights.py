"""Kept weights: a network is trained once, and its weights stay in a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from robustnas.errors import DataError
from robustnas.evaluator.normalised import Normalised
from robustnas.evaluator.progress import Progress
from robustnas.evaluator.training.checkpoint import DamagedFileError, load_weights, save_weights
from robustnas.evaluator.training.training_task import TrainingProgress, TrainingTask
from robustnas.measurements import NetworkKey
from robustnas.recorder import Recorder
from robustnas.spaces import DEFAULT_SPACE
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.tables.database.cache import cache_directory


@dataclass(frozen=True)
class KeptWeights:
    """The weights of one network, and the checkpoint of its training if that was killed.

    Attributes:
        weights: The file of the weights.
        checkpoint: The file of the checkpoint.
        identity: What both are of, by name.
    """

    weights: Path
    checkpoint: Path
    identity: dict[str, str]

    @classmethod
    def of(cls, key: NetworkKey, folder: Path | None) -> KeptWeights:
        """Return where the weights of a network are kept; the folder is made.

        Args:
            key: What fixes the network.
            folder: The folder of all networks; ``networks`` in the cache directory if None.

        Raises:
            DataError: The folder cannot be made.
        """
        place = (folder or cache_directory() / "networks") / f"{key.training[:16]}-{key.images_digest[:16]}"
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"cannot make {place}: {error.strerror or error}"
            raise DataError(f"{reason}; ROBUSTNAS_CACHE names another cache") from error
        identity = {"arch": key.arch, "images": key.images_digest, "training": key.training}
        file = f"{_short_name(key)}-{key.seed}"
        return cls(place / f"{file}.weights", place / f"{file}.checkpoint", identity)

    def load(self, model: Normalised, note: Callable[[str], None]) -> bool:
        """Load the weights into a network, and return whether there were any; notes are those of its training.

        Raises:
            DataError: The file cannot be read, or is of something else.
        """
        if not self.weights.exists():
            return False
        try:
            for text in load_weights(self.weights, model, self.identity):
                note(text)
        except DamagedFileError as error:
            note(f"{error}; retrained")
            return False
        return True

    def task(self, model: Normalised, *, seed: int, report: Progress, recorder: Recorder | None = None) -> TrainingTask:
        """Return the training of a network, from the checkpoint if there is one; `keep` is to follow.

        Loss and training accuracy of every epoch are recorded, those from before an interruption again.
        """
        n_recorded = 0

        def progress(state: TrainingProgress) -> None:
            nonlocal n_recorded
            report("training", state.fraction)
            if recorder:
                for epoch in range(n_recorded, state.epoch):
                    recorder.scalar("training loss", state.losses[epoch], epoch + 1)
                    recorder.scalar("training accuracy", state.accuracies[epoch], epoch + 1)
            n_recorded = state.epoch

        return TrainingTask(model, seed, self.identity, self.checkpoint, progress)

    def keep(self, model: Normalised, notes: Sequence[str]) -> None:
        """Keep the weights of a network that was trained, and the notes on its training.

        Raises:
            DataError: They cannot be written.
        """
        save_weights(self.weights, model, self.identity, notes)
        self.checkpoint.unlink(missing_ok=True)


def _short_name(key: NetworkKey) -> str:
    """Return a short name of an architecture, for a file: the index of a cell, as ever, else a digest of the text."""
    if key.space == DEFAULT_SPACE:
        return str(Cell.parse(key.arch).index)
    return sha256(key.arch.encode()).hexdigest()[:24]
