"""What other machines have written to a folder that is shared with them.

A network file system remembers sizes, times and names, and for up to a minute does not ask whether they still hold;
beyond the size that it remembers, nothing is read.  Names that were looked for in vain are remembered as well, and
those no call makes it forget: so whoever waits for a file of another machine looks for it in the list of its folder.
"""

import ctypes
import os

from neronet.node import procs

_LOCAL = ("ext", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay")  # no other machine writes to these
_HERE, _FORCE_SYNC, _BASIC = -100, 0x2000, 0x7FF  # AT_FDCWD, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS
_room = ctypes.create_string_buffer(256)
_statx = getattr(ctypes.CDLL(None), "statx", None)  # glibc has it since 2.28


def file_system(path):
    """The type of the file system that `path` lies on, as /proc/self/mountinfo names it."""
    path, best, kind = os.path.realpath(path), "", ""
    for line in procs.read_text("/proc/self/mountinfo").splitlines():
        head, _, tail = line.partition(" - ")
        mount = head.split()[4].replace("\\040", " ")
        inside = path == mount or path.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, tail.split()[0]
    return kind


def is_local(path):
    """Whether it is certain that nothing below `path` is written by other machines."""
    return file_system(path).startswith(_LOCAL)


def refresh(path):
    """From now on `stat`, `read` and `listdir` of this file or folder show what is there now, as far as can be had."""
    if _statx is not None:
        _statx(_HERE, os.fsencode(path), _FORCE_SYNC, _BASIC, _room)


def names(folder):
    """What a folder holds now; nothing when it is not there."""
    refresh(folder)
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
