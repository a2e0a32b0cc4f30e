from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from experiments.commands import data as command
from experiments.commands.objectives import objectives
from robustnas.errors import DataError, DataNotFoundError, InvalidInputError
from robustnas.tables.database.database import Database, user_folder
from robustnas.tables.database.download import published_sums
from tests.synthetic import edit_values

pytestmark = pytest.mark.usefixtures("own_cache")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command.data, [str(argument) for argument in arguments])


def succeeds(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def fails(error: type[Exception], *arguments: object) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, error), result.output
    return str(result.exception)


@pytest.mark.parametrize("name", ["", "status", "import", "fetch", "verify", "attach", "attached", "detach"])
def test_every_command_has_help_with_an_example(name: str) -> None:
    assert f"robustnas data {name}".strip() in succeeds(*name.split(), "--help").split("Example:")[1]


def test_bad_usage_exits_with_2() -> None:
    assert run("import").exit_code == 2
    assert run("status", "--colour").exit_code == 2
    assert run("nothing").exit_code == 2


class TestStatus:
    def test_it_says_what_is_there(self, published: Path) -> None:
        output = succeeds("status", "--data", published)
        for word in (str(published), "cifar10: 9 metrics", "accuracy: clean, pgd@Linf, fog", "cm: clean", "cache"):
            assert word in output

    def test_json(self, published: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ROBUSTNAS_DATA", str(published))
        report = json.loads(succeeds("status", "--json"))
        assert report["found"] is True
        assert report["folder"] == str(published)
        assert report["named_by"] == "ROBUSTNAS_DATA"
        assert report["cache"]["directory"] == str(own_cache)
        assert report["cache"]["bytes"] > 100_000
        table = Database.open(published)["cifar10"]
        assert report["datasets"]["cifar10"]["digest"] == table.digest
        assert report["datasets"]["cifar10"]["metrics"] == [str(metric) for metric in table.metrics]

    def test_nothing_found(self) -> None:
        text = succeeds("status")
        assert text.startswith("database  none in ")
        assert "robustnas data fetch" in text
        report = json.loads(succeeds("status", "--json"))
        assert report["found"] is False
        assert report["datasets"] == {}
        assert "no robustness database" in report["message"]

    def test_a_faulty_file_is_told(self, published: Path) -> None:
        (published / "cifar10" / "fog_accuracy.json").write_text("{")
        assert "fog_accuracy.json: truncated" in fails(DataError, "status", "--data", published)


class TestImport:
    def test_it_copies_to_where_data_is_looked_for(self, published: Path) -> None:
        assert "imported 6 files" in succeeds("import", published)
        for path in published.rglob("*"):
            path.unlink() if path.is_file() else None
        assert list(Database.open()) == ["cifar10", "cifar100"]
        assert "cifar100" in succeeds("status")

    def test_a_subset_joins_what_is_there(self, published: Path, tmp_path: Path) -> None:
        (tmp_path / "part" / "cifar100").mkdir(parents=True)
        succeeds("import", published)
        part = tmp_path / "part"
        (part / "meta.json").write_bytes((published / "meta.json").read_bytes())
        content = (published / "cifar100" / "clean_accuracy.json").read_text()
        (part / "cifar100" / "clean_confidence.json").write_text(content.replace("accuracy", "confidence"))
        succeeds("import", part)
        assert Database.open()["cifar100"].measures == {"accuracy": ("clean",), "confidence": ("clean",)}

    def test_nothing_is_copied_if_a_file_is_faulty(self, published: Path) -> None:
        edit_values(published / "cifar10" / "fog_accuracy.json", lambda values: values.popitem() and None)
        assert "missing" in fails(DataError, "import", published)
        assert not user_folder().exists()

    def test_importing_the_users_folder_itself(self, published: Path) -> None:
        succeeds("import", published)
        succeeds("import", user_folder())

    def test_it_warns_if_another_folder_comes_first(self, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ROBUSTNAS_DATA", "/elsewhere")
        assert "looked for in /elsewhere first" in succeeds("import", published)

    def test_a_target_that_cannot_be_written(self, published: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        assert "it is a file, not a folder" in fails(DataError, "import", published, "--data", tmp_path / "file")
        assert "there is no such file" in fails(DataNotFoundError, "import", tmp_path / "nowhere")


class TestFetch:
    def test_it_fetches_into_the_users_folder(self, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        calls = []

        def fetch(datasets: tuple[str, ...], target: Path, url: str | None, *, progress: bool) -> list[Path]:
            calls.append((datasets, target, url, progress))
            target.parent.mkdir(parents=True)
            published.rename(target)
            return [target / "meta.json"]

        monkeypatch.setattr(command, "fetch", fetch)
        assert "cifar10, cifar100" in succeeds("fetch", "cifar10", "--url", "http://mirror", "--quiet")
        assert calls == [(("cifar10",), user_folder(), "http://mirror", False)]

    def test_datasets_are_checked(self) -> None:
        assert "did you mean" in fails(InvalidInputError, "fetch", "cifar11")
        assert "robustness.vision" in fails(InvalidInputError, "fetch", "ImageNet16-120")


class TestVerify:
    def test_files_of_ones_own_are_told_from_published_ones(self, published: Path) -> None:
        assert "not as published" in fails(DataError, "verify", "--data", published)
        assert "7 files" in succeeds("verify", "--own", "--data", published)

    def test_values_out_of_range_are_found(self, published: Path) -> None:
        edit_values(published / "cifar10" / "clean_accuracy.json", lambda values: values.update({"9": 85.6}))
        assert "uid 9" in fails(DataError, "verify", "--data", published)

    @pytest.mark.real_data
    def test_the_published_files(self, real_data_dir: Path) -> None:
        n_files = sum((real_data_dir / path).exists() for path in published_sums())
        assert f"{n_files} of them match" in succeeds("verify", "--data", real_data_dir)


class TestAttach:
    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        path = tmp_path / "hw.csv"
        path.write_text("net,latency,acc,device\n" + "".join(f"{i},{i - 1},{'' if i else 1},gpu\n" for i in range(3)))
        return path

    def test_it_says_what_was_attached(self, source: Path) -> None:
        output = succeeds("attach", source, "--name", "hw")
        assert "3 of 15,625 cells, 3 of 6,466 networks; from hw.csv, keyed by its column net" in output
        for line in ("hw.latency  minimised\n", "hw.acc  maximised, 1 cells", "left out, not numbers: device"):
            assert line in output
        assert "hw.latency is minimised and negative for 1 cells" in output

    def test_attached_lists_and_detach_removes(self, source: Path, published: Path) -> None:
        assert "nothing is attached" in succeeds("attached")
        succeeds("attach", source, "--name", "hw", "--dataset", "cifar100")
        succeeds("attach", source, "--name", "own", "--data", published)
        (found,) = json.loads(succeeds("attached", "--json"))["attached"]
        assert (found["dataset"], found["name"], found["n_cells"]) == ("cifar100", "hw", 3)
        assert found["columns"] == {"latency": 3, "acc": 1}
        assert "own (cifar10)" in succeeds("attached", "--data", published, "--dataset", "cifar10")
        assert "removed" in succeeds("detach", "hw", "--dataset", "cifar100")
        assert "has no attached table" in fails(InvalidInputError, "detach", "hw", "--dataset", "cifar100")
        assert "hw (cifar10)" in succeeds("attach", source)
        assert "line 2: column 'device'" in fails(DataError, "attach", source, "--name", "hw", "--key", "device")

    def test_objectives_list_them(self, source: Path, published: Path) -> None:
        succeeds("attach", source, "--name", "hw")
        arguments = ["--data", str(published)]
        text = CliRunner().invoke(objectives, arguments).output
        assert "hw.latency" in text
        assert "attached, minimised, 3 of 6,466 networks" in text
        rows = json.loads(CliRunner().invoke(objectives, [*arguments, "--json"]).output)["objectives"]
        (latency,) = (row for row in rows if row["objective"] == "hw.latency")
        assert (latency["direction"], latency["best"]) == ("minimise", -1.0)
