"""Network drives are told from disks by the table of mounts."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main
from robustnas import network_drive as module
from robustnas.measurements import MeasurementStore
from robustnas.network_drive import NETWORK_TYPES, NetworkDriveWarning, network_drive
from searchers.optuna_study import open_storage

TABLE = r"""
/dev/sda1 / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
/dev/sdb1 /home/ada/disk xfs rw 0 0
//nas/my\040data /mnt/my\040data cifs rw 0 0
/dev/sdc1 /scratch ext4 rw 0 0
scratch@tcp:/fs /scratch lustre rw 0 0
torn
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    table = tmp_path / "mounts"
    table.write_text(TABLE)
    return table


@pytest.fixture
def on_nfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the table of mounts says is on NFS."""
    table, folder = tmp_path / "mounts", tmp_path / "net drive"
    folder.mkdir()
    place = str(folder.resolve()).replace(" ", "\\040")
    table.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {place} nfs4 rw 0 0\n")
    monkeypatch.setattr(module.network_drive, "__defaults__", (table,))
    return folder


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/tmp-of-nobody/study.db", None),
        ("/home/ada/study.db", "nfs4"),
        ("/home", "nfs4"),
        ("/homes/study.db", None),
        ("/home/ada/disk/study.db", None),
        ("/home/ada/disk/../study.db", "nfs4"),
        ("/mnt/my data/study.db", "cifs"),
        ("/mnt/other", None),
        ("/scratch/study.db", "lustre"),  # what is mounted later hides what was there
    ],
)
def test_the_longest_mount_decides(mounts: Path, path: str, kind: str | None) -> None:
    assert network_drive(path, mounts) == kind


def test_a_link_counts_for_what_it_leads_to(tmp_path: Path, mounts: Path) -> None:
    (tmp_path / "link").symlink_to("/home/ada")
    assert network_drive(tmp_path / "link" / "study.db", mounts) == "nfs4"


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "lustre", "fuse.sshfs", "9p", "beegfs", "ceph"])
def test_the_types_of_clusters_are_known(tmp_path: Path, kind: str) -> None:
    assert kind in NETWORK_TYPES
    (tmp_path / "mounts").write_text(f"x {tmp_path} {kind} rw 0 0\n")
    assert network_drive(tmp_path / "s.db", tmp_path / "mounts") == kind


def test_without_a_table_nothing_is_known(tmp_path: Path) -> None:
    assert network_drive("/home/ada", tmp_path / "no-such-table") is None


def test_databases_on_a_network_drive_are_warned_of(on_nfs: Path, tmp_path: Path) -> None:
    with pytest.warns(NetworkDriveWarning, match=r"study\.db' is on a network drive \(nfs4\).*use journal://"):
        open_storage(f"sqlite:///{on_nfs / 'study.db'}")
    with pytest.warns(NetworkDriveWarning, match=r"m\.sqlite' is on a network drive \(nfs4\).*use postgresql://"):
        MeasurementStore.open(on_nfs / "m.sqlite")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_storage(f"journal://{on_nfs / 'study.log'}")  # only appended to
        MeasurementStore.open(tmp_path / "m.sqlite")


def test_the_command_line_says_it_in_one_sentence(on_nfs: Path) -> None:
    store = on_nfs / "m.sqlite"
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        result = CliRunner().invoke(main, ["measurements", "list", "--store", str(store)])
    assert result.exit_code == 0
    (note,) = result.stderr.splitlines()
    assert note.startswith(f"Note: the SQLite file '{store}' is on a network drive (nfs4)")


def test_workers_leave_the_warning_to_who_started_them(on_nfs: Path) -> None:
    script = (
        "import multiprocessing, sys\n"
        "from robustnas import network_drive as module\n"
        "from robustnas.network_drive import warn_of_network_drive\n"
        "module.network_drive = lambda path: 'nfs4'\n"
        "if __name__ == '__main__':\n"
        "    warn_of_network_drive('s.db', 'a server')\n"
        "    start = multiprocessing.get_context('fork').Process\n"
        "    worker = start(target=warn_of_network_drive, args=('s.db', 'that'))\n"
        "    worker.start(), worker.join()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.count("is on a network drive") == 1
    assert "use a server" in done.stderr
