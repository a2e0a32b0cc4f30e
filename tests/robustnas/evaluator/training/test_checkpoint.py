"""Checkpoint files: what is read back, and what is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from robustnas.errors import DataError, DataNotFoundError
from robustnas.evaluator.training.checkpoint import (
    DamagedFileError,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
)
from robustnas.spaces.nasbench201.network import build

IDENTITY = {"architecture": "#13433", "seed": "3"}


def network(seed: int = 0, channels: int = 4) -> nn.Module:
    return build("#13433", n_classes=3, channels=channels, n_cells=1, in_channels=1, seed=seed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "training.pt"


def test_a_state_comes_back_as_it_was(path: Path) -> None:
    state = {"model": {"weight": torch.arange(6.0).view(2, 3)}, "losses": [0.1, 2.0], "notes": ["a"], "none": None}
    save_checkpoint(path, IDENTITY, state)
    found = load_checkpoint(path, IDENTITY)
    assert found is not None
    assert torch.equal(found["model"].pop("weight"), state["model"].pop("weight"))
    assert found == state
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_plain_torch_reads_it_without_running_code(path: Path) -> None:
    save_weights(path, network(), IDENTITY)
    content = torch.load(path, weights_only=True)
    assert content["identity"] == IDENTITY
    assert content["state"]["model"].keys() == network().state_dict().keys()


def test_no_file_is_no_checkpoint_but_there_is_room_for_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "training.pt"
    assert load_checkpoint(path, IDENTITY) is None
    save_checkpoint(path, IDENTITY, {})
    assert load_checkpoint(path, IDENTITY) == {}


def test_a_folder_that_cannot_be_made_is_a_sentence(path: Path) -> None:
    path.write_text("a file")
    with pytest.raises(DataError, match="cannot make the folder"):
        load_checkpoint(path / "folder" / "training.pt", IDENTITY)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({**IDENTITY, "seed": "4"}, r"seed is '3', expected '4'$"),
        ({"seed": "3"}, "architecture is '#13433', expected None"),
        ({**IDENTITY, "images": "abc"}, "images is None, expected 'abc'"),
    ],
)
def test_another_identity_is_refused_with_what_differs(path: Path, other: dict[str, str], message: str) -> None:
    save_checkpoint(path, IDENTITY, {})
    with pytest.raises(DataError, match=message):
        load_checkpoint(path, other)


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def one_bit_flipped(data: bytes) -> bytes:
    position = data.index(torch.arange(100.0).numpy().tobytes()) + 40
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


@pytest.mark.parametrize(
    "damage", [truncated, one_bit_flipped, lambda data: b"", lambda data: bytes(1000), lambda data: data[:-1]]
)
def test_damage_is_told_from_foreign_files(path: Path, damage: Callable[[bytes], bytes]) -> None:
    save_checkpoint(path, IDENTITY, {"model": torch.arange(100.0)})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedFileError, match="is damaged"):
        load_checkpoint(path, IDENTITY)


def test_no_change_of_a_byte_goes_unnoticed(path: Path) -> None:
    state = {"model": torch.arange(10.0), "losses": [0.5]}
    save_checkpoint(path, IDENTITY, state)
    data = path.read_bytes()
    for position in range(0, len(data), 5):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :])
        try:
            found = load_checkpoint(path, IDENTITY)
        except DataError:
            continue
        assert found is not None
        assert torch.equal(found["model"], state["model"])
        assert found["losses"] == state["losses"]


def a_text(path: Path) -> None:
    path.write_text("my thesis")


def a_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thesis.txt", "my thesis")


def a_tensor(path: Path) -> None:
    torch.save(torch.zeros(1), path)


def weights_of_someone(path: Path) -> None:
    torch.save({"model": {}}, path)


def our_weights(path: Path) -> None:
    save_weights(path, network(), IDENTITY)


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("write", [a_text, a_zip, a_tensor, weights_of_someone, our_weights, a_folder])
def test_what_is_no_checkpoint_is_refused_and_not_taken_for_a_damaged_one(
    path: Path, write: Callable[[Path], None]
) -> None:
    write(path)
    with pytest.raises(DataError, match=path.name) as caught:
        load_checkpoint(path, IDENTITY)
    assert not isinstance(caught.value, DamagedFileError)


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot write .*nowhere.*No such file"):
        save_checkpoint(tmp_path / "nowhere" / "training.pt", IDENTITY, {})


def test_weights_come_back_into_a_network_of_the_same_kind(path: Path) -> None:
    trained, fresh = network(seed=1), network(seed=2)
    save_weights(path, trained, IDENTITY)
    load_weights(path, fresh, IDENTITY)
    for name, tensor in trained.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], tensor), name


def test_weights_of_a_wider_network_are_refused_and_leave_it_as_it_was(path: Path) -> None:
    save_weights(path, network(channels=8), IDENTITY)
    fresh = network()
    with pytest.raises(DataError, match=r"another network: cells.0.* has the shape \(8,.*, expected \(4,"):
        load_weights(path, fresh, IDENTITY)
    assert all(torch.equal(a, b) for a, b in zip(fresh.parameters(), network().parameters(), strict=True))


def test_weights_that_are_not_there_are_said_to_be_missing(path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="no weights at"):
        load_weights(path, network(), IDENTITY)
