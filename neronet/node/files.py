"""Files that are there whole or not at all, also when the disk is full or the node loses its power."""

import errno
import json
import os

from neronet.node.procs import read_bytes

FULL = (errno.ENOSPC, errno.EDQUOT)


def make_private(path):
    """Makes a folder, but none around it: what somebody has removed while we run does not come back."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
    return path


def write_atomic(path, data, sync=True):
    """Replaces `path` by `data` (bytes) in one step; readers see the old or the new content, never a part."""
    # Not by the process id alone: hosts that share a home have the same ones.
    temporary = "%s.%d-%s.tmp" % (path, os.getpid(), os.urandom(4).hex())
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.rename(temporary, path)
    except OSError:
        remove(temporary)
        raise


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def sync_folder(path):
    """Puts on the disk which names a folder holds."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_json(path, value, sync=True):
    write_atomic(path, json.dumps(value, separators=(",", ":")).encode("ascii"), sync)


def read_json(path, default=None):
    """The JSON value in `path`; `default` when the file is absent (a broken file raises ValueError)."""
    try:
        return json.loads(read_bytes(path).decode("utf-8", "surrogateescape"))
    except FileNotFoundError:
        return default


def create(path, data, flags=0):
    """Makes a file with this content, or none."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)
    try:
        if data and os.write(fd, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    except OSError:
        remove(path)
        raise
    finally:
        os.close(fd)
