"""Network drives, on which SQLite must not lie: its locks and its write-ahead log hold on one machine only."""

from __future__ import annotations

import multiprocessing
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from robustnas.errors import excerpt

NETWORK_TYPES = frozenset(
    (
        *("9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fhgfs", "glusterfs", "gpfs", "lustre"),
        *("ncpfs", "nfs", "nfs3", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf"),
        *("wekafs", "fuse.ceph-fuse", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.moosefs"),
        *("fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    )
)
"""The types of file systems that lie on other machines, as a table of mounts names them."""

_MOUNTS = Path("/proc/self/mounts")
_ESCAPED = re.compile(r"\\([0-7]{3})")


class NetworkDriveWarning(UserWarning):
    """A database that one machine may use lies on a network drive."""


def network_drive(path: str | Path, mounts: Path = _MOUNTS) -> str | None:
    """Return the type of the network drive that a path is on.

    Args:
        path: A path; it need not be there.
        mounts: The table of mounts, in the form of Linux.

    Returns:
        A type such as ``nfs4``; None if it is on a disk of this machine, or where there is no such table.
    """
    found = Path(path).expanduser().resolve()
    if found.drive.startswith("\\\\"):
        return "a share of Windows"
    kind = ""
    longest = -1
    for place, its_kind in _mounted(mounts):
        if found.is_relative_to(place) and len(place.parts) >= longest:  # of two at one place, the later one hides
            kind, longest = its_kind, len(place.parts)
    return kind if kind in NETWORK_TYPES else None


def warn_of_network_drive(path: str | Path, instead: str) -> None:
    """Warn if an SQLite file is on a network drive; of worker processes, the one that starts them warns.

    Args:
        path: The file.
        instead: What to use on many machines, in words.
    """
    if multiprocessing.parent_process() is None and (kind := network_drive(path)):
        message = (
            f"the SQLite file {excerpt(str(path))} is on a network drive ({kind}), where SQLite cannot keep writers on "
            f"several machines apart, and the file gets damaged; use {instead}"
        )
        warnings.warn(message, NetworkDriveWarning, stacklevel=3)


def _mounted(table: Path) -> Iterator[tuple[Path, str]]:
    """Yield the places where file systems are mounted, and their types; nothing where there is no table."""
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        _, *rest = line.split(" ")
        if len(rest) > 1:
            place = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), rest[0])
            yield Path(place), rest[1]
