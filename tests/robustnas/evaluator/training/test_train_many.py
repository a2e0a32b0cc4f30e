"""Networks that are trained at once end as those that are trained one after the other, by plain calls or by graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from robustnas.errors import DataError, InvalidInputError, RobustNASError, TrainingError
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.normalised import Normalised
from robustnas.evaluator.training import training, training_run
from robustnas.evaluator.training.sgd import DeviceSGD
from robustnas.evaluator.training.training import train_many
from robustnas.evaluator.training.training_config import TrainingConfig
from robustnas.evaluator.training.training_task import TrainingProgress, TrainingResult, TrainingTask
from tests.robustnas.evaluator.training.stand_in_graphs import StandInGraphs
from tests.robustnas.evaluator.training.test_training import CPU, TINY, digest, images, network

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

IMAGES: LabelledImages = images(73)  # batches of 32, 32 and 9
CONFIG = replace(TINY, batch_size=32)
ARCHS = ("#13433", "#1462", "#9930")


def networks(n: int = 3) -> list[Normalised]:
    return [network(seed, arch) for seed, arch in enumerate(ARCHS[:n])]


def diverging() -> Normalised:
    model = network()
    with torch.no_grad():
        model.network.classifier.bias.fill_(torch.inf)  # type: ignore[union-attr]
    return model


def many(
    models: Sequence[Normalised], config: TrainingConfig = CONFIG, **options: object
) -> list[TrainingResult | RobustNASError]:
    return train_many([TrainingTask(model, 3) for model in models], IMAGES, config, device=CPU, **options)  # type: ignore[arg-type]


def alone(model: Normalised, config: TrainingConfig = CONFIG, **options: object) -> TrainingResult:
    return training.train(model, IMAGES, config, **{"seed": 3, "device": CPU, **options})  # type: ignore[arg-type]


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Callable[..., StandInGraphs]:
    """Have trainings use the optimizer of GPUs, and graphs that need none."""
    monkeypatch.setattr(training_run, "optimizer_of", DeviceSGD)

    def use(**options: object) -> StandInGraphs:
        stand_in = StandInGraphs(**options)  # type: ignore[arg-type]
        monkeypatch.setattr(training, "graphs_of", lambda device, dtype: stand_in)
        return stand_in

    return use


def test_networks_at_once_end_as_one_after_the_other() -> None:
    together, single, config = networks(), networks(), replace(CONFIG, epochs=2)
    outcomes, expected = many(together, config), [alone(model, config) for model in single]
    assert [digest(model) for model in together] == [digest(model) for model in single]
    for outcome, result in zip(outcomes, expected, strict=True):
        assert isinstance(outcome, TrainingResult)
        assert (outcome.losses, outcome.accuracies, outcome.notes) == (result.losses, result.accuracies, ())
    assert not any(module.training for model in together for module in model.modules())
    assert all(parameter.grad is None for model in together for parameter in model.parameters())


def test_one_that_goes_on_from_a_checkpoint_ends_the_same_beside_others(tmp_path: Path) -> None:
    def interrupt(progress: TrainingProgress) -> None:
        if progress.epoch == 2:
            raise KeyboardInterrupt

    path, first, second = tmp_path / "training.pt", network(), network(1)
    with pytest.raises(KeyboardInterrupt):
        alone(first, checkpoint=path, checkpoint_seconds=0, progress=interrupt)
    tasks = [TrainingTask(network(9), 3, checkpoint=path), TrainingTask(second, 3)]
    outcomes = train_many(tasks, IMAGES, CONFIG, device=CPU)
    whole, other = network(), network(1)
    alone(whole)
    alone(other)
    assert [outcome.n_epochs_resumed for outcome in outcomes if isinstance(outcome, TrainingResult)] == [2, 0]
    assert digest(tasks[0].network) == digest(whole)
    assert digest(second) == digest(other)


@pytest.mark.parametrize("captured", [False, True])
def test_one_that_fails_leaves_the_others_alone(captured: bool, graphs: Callable[..., StandInGraphs]) -> None:
    stand_in = graphs() if captured else None
    first, _, third = models = [network(), diverging(), network(2)]
    outcomes = many(models)
    assert isinstance(outcomes[1], TrainingError)
    assert "the loss is" in str(outcomes[1])
    expected = [network(), network(2)]
    assert [alone(model).losses for model in expected] == [getattr(outcomes[at], "losses", None) for at in (0, 2)]
    assert [digest(first), digest(third)] == [digest(model) for model in expected]
    if stand_in:
        assert stand_in.captured[:2] == [2, 2]  # it had left before there were graphs


def test_an_error_of_who_is_told_ends_one_training_alone() -> None:
    def refuse(progress: TrainingProgress) -> None:
        if progress.epoch == 1:
            raise DataError("the claim is another one's")

    tasks = [TrainingTask(model, 3, progress=told) for model, told in zip(networks(2), (refuse, None), strict=True)]
    lost, kept = train_many(tasks, IMAGES, CONFIG, device=CPU)
    assert isinstance(lost, DataError)
    assert isinstance(kept, TrainingResult)
    expected = networks(2)[1]
    alone(expected)
    assert digest(tasks[1].network) == digest(expected)
    with pytest.raises(DataError, match="another one's"):
        alone(network(), progress=refuse)


def test_bad_input_is_refused_before_anything_is_trained() -> None:
    model = network()
    with pytest.raises(InvalidInputError, match="a network is there twice"):
        many([model, model])
    with pytest.raises(InvalidInputError, match="seed is -1"):
        train_many([TrainingTask(model, -1)], IMAGES, CONFIG, device=CPU)
    assert many([]) == []


ADVERSARY = {"adversary": "pgd", "train_eps": 16, "pgd_steps": 1, "pgd_relative_step": 1.25}


@pytest.mark.parametrize(("n", "adversary"), [(2, {}), (1, ADVERSARY)], ids=["images", "adversarial examples"])
def test_steps_are_captured_after_some_plain_ones(
    n: int, adversary: dict[str, object], graphs: Callable[..., StandInGraphs]
) -> None:
    plain, replayed, config = networks(n), networks(n), replace(CONFIG, **adversary)  # type: ignore[arg-type]
    many(plain, config, graphs=False)
    stand_in = graphs()
    outcomes = many(replayed, config)
    assert [digest(model) for model in replayed] == [digest(model) for model in plain]
    assert stand_in.captured == [n, n]  # one graph for batches of 32, one for those of 9
    assert stand_in.n_launched == (4 * 2 - 3) + (4 - 3)
    assert all(isinstance(outcome, TrainingResult) for outcome in outcomes)
    assert not [note for outcome in outcomes for note in getattr(outcome, "notes", ()) if "CUDA graphs" in note]


@pytest.mark.parametrize("recipe", [{}, {"nesterov": False}, {"momentum": 0.0, "nesterov": False}, {"one_cycle": True}])
def test_the_optimizer_of_gpus_takes_the_same_steps(
    recipe: dict[str, object], graphs: Callable[..., StandInGraphs]
) -> None:
    config = replace(CONFIG, epochs=1, learning_rate=0.01, cosine_per_step=False, warmup=0.0, **recipe)
    expected, model = network(), network()
    result = alone(expected, config, graphs=False)
    graphs()
    assert alone(model, config).losses == pytest.approx(result.losses, rel=1e-5)
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, expected.state_dict()[name], rtol=1e-4, atol=1e-5)


def test_checkpoints_of_one_optimizer_serve_the_other(tmp_path: Path, graphs: Callable[..., StandInGraphs]) -> None:
    path, whole, config = tmp_path / "training.pt", network(), replace(CONFIG, epochs=2)
    heard: list[TrainingProgress] = []

    def interrupt(progress: TrainingProgress) -> None:
        if progress.epoch == 1:
            raise KeyboardInterrupt

    expected = alone(whole, config)
    stand_in = graphs()
    with pytest.raises(KeyboardInterrupt):
        alone(network(), config, checkpoint=path, checkpoint_seconds=0, progress=interrupt)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_run, "optimizer_of", lambda p, c, d: torch.optim.SGD(p, 1.0, 0.9, 0, 5e-4, True))
        resumed = alone(network(9), config, checkpoint=path, progress=heard.append)
    assert resumed.n_epochs_resumed == 1
    assert resumed.losses == pytest.approx(expected.losses, rel=1e-4)
    assert not stand_in.captured


def test_short_memory_makes_smaller_graphs(graphs: Callable[..., StandInGraphs]) -> None:
    plain, split = networks(), networks()
    many(plain, graphs=False)
    stand_in = graphs(most=2)
    outcomes = many(split)
    assert [digest(model) for model in split] == [digest(model) for model in plain]
    assert stand_in.captured == [2, 1, 2, 1]
    assert all(isinstance(outcome, TrainingResult) and outcome.notes == () for outcome in outcomes)


@pytest.mark.parametrize(("options", "reason"), [({"most": 0}, "out of memory"), ({"refusal": "no luck"}, "no luck")])
def test_what_cannot_be_captured_is_called_plainly(
    options: dict[str, object], reason: str, graphs: Callable[..., StandInGraphs]
) -> None:
    plain, model = network(), network()
    alone(plain, graphs=False)
    graphs(**options)
    (note,) = alone(model).notes
    assert "trained without CUDA graphs, which is slower: " in note
    assert reason in note
    assert digest(model) == digest(plain)


def test_half_precision_whose_steps_may_be_left_out_has_no_graphs() -> None:
    from robustnas.evaluator.training.step_graphs import graphs_of

    assert graphs_of(CPU, None) is None
    assert graphs_of(torch.device("cuda"), torch.float16) is None
