from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from robustnas import Cell
from robustnas.objectives.objective import Objective
from robustnas.spaces import open_space
from robustnas.spaces.nasbench201 import Skeleton, space
from robustnas.tables.attached.attached import attached_tables

pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.timeout(60)]

SMALL = (
    "--image-size",
    "8",
    "--classes",
    "3",
    "--batch-size",
    "4",
    "--channels",
    "2",
    "--n-cells",
    "1",
    "--device",
    "cpu",
)
FEW = ("--measures", "params,nwot,jacov")


@pytest.fixture(autouse=True)
def own_attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBUSTNAS_ATTACHED", str(tmp_path / "attached"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["proxies", *map(str, arguments)])


def succeeds(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def fails(code: int, *arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    return result.stderr


def test_help_has_an_example() -> None:
    assert "robustnas proxies --cells networks" in succeeds("--help").split("Example:")[1]


def test_a_table_of_a_few_architectures() -> None:
    output = succeeds("#13433", "#81", "--measures", "all", *SMALL)
    assert "#13433 is |avg_pool_3x3~0|" in output
    assert output.splitlines()[3].split() == ["measure", "#13433", "#81"]
    lines = {line.split()[0]: line for line in output.splitlines()[4:]}
    assert len(lines) == 14
    assert lines["hessian"].endswith("curvature of the input loss")


def test_json_of_a_few_architectures() -> None:
    found = json.loads(succeeds("#13433", "index:0", *FEW, *SMALL, "--json"))
    first, second = found["cells"]
    assert first["arch"] == Cell.parse("#13433").arch
    assert list(first["scores"]) == ["params", "nwot", "jacov"]
    assert second["scores"]["jacov"] is None
    assert found["settings"]["n_classes"] == 3
    assert json.loads(succeeds("#13433", *FEW, *SMALL, "--json"))["cells"] == [first]


def test_real_images() -> None:
    options = ("--images", "digits", "--batch-size", "8", "--channels", "2", "--n-cells", "1")
    settings = json.loads(succeeds("#0", *FEW, *options, "--json"))["settings"]
    assert (settings["images"], settings["n_classes"], settings["image_shape"]) == ("digits", 10, [1, 8, 8])


def test_a_file_goes_on_and_is_attached(tmp_path: Path) -> None:
    out = tmp_path / "proxies.csv"
    options = (*FEW, *SMALL, "--workers", 1, "--out", out)
    assert "3 cells" in succeeds("--cells", 3, *options)
    before = out.read_text()
    output = succeeds("--cells", 5, *options, "--attach", "proxies")
    assert out.read_text().startswith(before)
    assert "attached to cifar10 as proxies.params, proxies.nwot, proxies.jacov" in output
    table = attached_tables("cifar10")["proxies"]
    assert table.n_cells == 5
    assert table.known["params"] == 5
    assert Objective("proxies.nwot").minimised is False
    report = json.loads(succeeds("--cells", 5, *options, "--attach", "mine", "--json"))
    assert report["n_cells"] == 5
    assert report["attached"]["name"] == "mine"


def test_cells_of_a_file(tmp_path: Path) -> None:
    text, table, out = tmp_path / "cells.txt", tmp_path / "cells.csv", tmp_path / "out.csv"
    text.write_text("#13433\n\nindex:0\n(4, 0, 3, 1, 4, 3)\n")
    succeeds("--cells", text, *FEW, *SMALL, "--workers", 1, "--out", out)
    archs = [line.split(",")[0] for line in out.read_text().splitlines()[1:]]
    assert archs == [Cell.parse(name).arch for name in ("#13433", "index:0", "(4, 0, 3, 1, 4, 3)")]
    table.write_text("arch,value\n" + "".join(f"{arch},1\n" for arch in archs))
    assert "3 cells" in succeeds("--cells", table, *FEW, *SMALL, "--out", out)


def test_sets_of_cells() -> None:
    from experiments.commands.proxies import _chosen

    assert len(set(_chosen((), "all", open_space(), 0))) == 15_625
    assert [space.uid(cell) == cell.database_id for cell in _chosen((), "networks", open_space(), 0)] == [True] * 6_466
    assert (
        _chosen((), "4", open_space(), 0) == _chosen((), "6", open_space(), 0)[:4] != _chosen((), "4", open_space(), 1)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected either architectures or --cells"),
        (("#1", "--cells", "3"), "expected either architectures or --cells"),
        (("#1", "--measures", "synflw"), "did you mean 'synflow'"),
        (("#1", "--attach", "x"), "add --out FILE.csv"),
        (("--cells", "3"), "add --out FILE.csv"),
        (("--cells", "0", "--out", "x.csv"), "cells is 0"),
        (("#99999",), "99999"),
        (("#1", "--image-size", "10"), "size is 10"),
        (("#1", "--batch-size", "1"), "n is 1"),
        (("#1", "--channels", "0"), "channels is 0"),
        (("#1", "--device", "tpu"), "device 'tpu'"),
        (("#1", "--images", "digits", "--classes", "3"), "random images only"),
        (("#1", "--out", "x.txt"), "ends in .csv"),
        (("#1", "--out", "x.csv", "--workers", "0"), "workers is 0"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in fails(2, *arguments)
    assert not list(tmp_path.glob("x.*"))


def test_bad_files_are_one_sentence(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert "no such file" in fails(1, "--cells", tmp_path / "none.txt", "--out", out)
    cells = tmp_path / "cells.txt"
    cells.write_text("#1\nnonsense\n")
    assert "line 2" in fails(1, "--cells", cells, "--out", out)
    cells.write_text("\n")
    assert "names no architecture" in fails(1, "--cells", cells, "--out", out)
    assert "digts" in fails(1, "#1", "--images", "digts")
    succeeds("#1", *FEW, *SMALL, "--out", out)
    assert "seed 0 instead of 1" in fails(1, "#1", *FEW, *SMALL, "--seed", 1, "--out", out)


def test_ctrl_c_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.csv"

    def interrupted(*_: object, **__: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.commands.proxies.sweep", interrupted)
    assert "run the same command again to resume" in fails(1, "#1", *FEW, *SMALL, "--out", out)


WITHOUT_TORCH = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
if __name__ == "__main__":
    from experiments.cli import main
    main(sys.argv[1:])
"""


def without_torch(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_TORCH, "proxies", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_parameters_and_flops_are_counted_without_torch(tmp_path: Path) -> None:
    result = without_torch("#13433", "#81", "--measures", "params,flops", "--images", "digits", "--json")
    assert result.returncode == 0, result.stderr
    skeleton = Skeleton(8, 10, 16, 5, 1)
    for found in json.loads(result.stdout)["cells"]:
        cell = Cell.parse(found["arch"])
        assert found["scores"] == {"params": skeleton.parameters(cell), "flops": skeleton.flops(cell)}
    out = tmp_path / "sizes.csv"
    kept = without_torch("--cells", "9", "--measures", "flops", "--workers", "1", "--out", str(out))
    assert kept.returncode == 0, kept.stderr
    assert len(out.read_text().splitlines()) == 10


def test_what_needs_torch_says_so_and_what_does_not() -> None:
    result = without_torch("#13433", "--measures", "params,synflow")
    assert result.returncode == 1
    install = 'pip install "robustnas[evaluate]"'
    assert result.stderr == f"Error: measuring needs torch: {install}; params and flops need none\n"
