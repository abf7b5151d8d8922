"""Is a folder on a file system that other hosts share?  WAL and its shared memory must not be used there."""

from __future__ import annotations

import os
from pathlib import Path

NETWORK = {
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph-fuse", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs",
    "gfs2", "gpfs", "lustre", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "wekafs",
}  # fmt: skip


def network_file_system(folder: Path) -> str:
    """The type of the network file system that `folder` (which exists) is on: `nfs4`; '' for a local one, and
    where the system does not tell (all but Linux)."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "replace")
    except OSError:
        return ""
    kind = file_system_type(mounts, os.stat(folder).st_dev)
    return kind if kind in NETWORK else ""


def file_system_type(mounts: str, device: int) -> str:
    """The type of the mounted file system with this device number, from the text of /proc/self/mountinfo."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return ""
