"""A folder that is entered and written to without ever following a link.

Where the system can (Linux, macOS), each step is made relative to the open folder
before it and refuses links itself, so it does not matter what anybody renames or
replaces meanwhile.  Elsewhere (Windows) the same is checked before and after each
file is opened, before anything is written to it.
"""

from __future__ import annotations

import errno
import os
import stat

from neronet.errors import UnsafePath
from neronet.sync.names import is_twin

HAS_DIR_FD = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY") and hasattr(os, "O_NOFOLLOW")

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_FILE = os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | _NO_LINK
_NOT_A_FOLDER = (errno.ELOOP, errno.ENOTDIR, errno.EMLINK)


class Folder:
    """One open folder; `fd` is None where the system cannot work relative to folders."""

    def __init__(self, path: str, fd: int | None) -> None:
        self.path = path
        self._fd = fd
        self._real = os.path.realpath(path) if fd is None else ""

    @classmethod
    def top(cls, path: str, relative: bool = HAS_DIR_FD) -> Folder:
        """The folder `path` itself, which is trusted."""
        return cls(path, os.open(path, _FOLDER) if relative else None)

    def identity(self) -> tuple[int, int]:
        status = os.stat(self.path if self._fd is None else self._fd)
        return status.st_dev, status.st_ino

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)

    def enter(self, name: str, create: bool) -> Folder:
        """The folder `name` in this one.

        Raises UnsafePath when it is anything else, FileNotFoundError when it is absent and not to be made.
        """
        path = os.path.join(self.path, name)
        if create:
            try:
                os.mkdir(self._at(name), 0o700, dir_fd=self._fd)
            except FileExistsError:
                self._refuse_twin(name)
        if self._fd is None:
            self._check_unmoved()
            real = os.path.join(self._real, name)
            if not stat.S_ISDIR(self._stat(name).st_mode) or os.path.realpath(path) != real:
                raise UnsafePath(f"{path} is not a folder of its own but a link or a file")
            return Folder(path, None)
        try:
            return Folder(path, os.open(name, _FOLDER | _NO_LINK, dir_fd=self._fd))
        except OSError as error:
            if error.errno in _NOT_A_FOLDER:
                raise UnsafePath(f"{path} is not a folder but a link or a file") from error
            raise

    def open(self, name: str) -> int:
        """A descriptor to write to the file `name`, made when it is absent; UnsafePath when it is no file."""
        path = os.path.join(self.path, name)
        try:
            fd = self._create(name)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR):
                raise UnsafePath(f"{path} is not a file but a link, a folder or a device") from error
            raise
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise UnsafePath(f"{path} is not a file")
            if status.st_nlink > 1:
                raise UnsafePath(f"{path} has a second name elsewhere, which would be written to as well")
            if self._fd is None:
                self._check_unmoved()
                if not os.path.samestat(status, self._stat(name)):
                    raise UnsafePath(f"{path} was replaced while it was opened")
        except BaseException:
            os.close(fd)
            raise
        return fd

    def size_of(self, name: str) -> int:
        """Bytes of the file `name`; 0 when it is absent."""
        try:
            status = self._stat(name)
        except FileNotFoundError:
            return 0
        self._refuse_other(name, status)
        return status.st_size

    def move(self, name: str, folder: Folder, new: str) -> None:
        """Gives the file `name` of this folder the name `new` in another; replaces only a file."""
        try:
            folder._refuse_other(new, folder._stat(new))
            folder._refuse_twin(new)
        except FileNotFoundError:
            pass
        if self._fd is None:
            self._check_unmoved()
            folder._check_unmoved()
        os.replace(self._at(name), folder._at(new), src_dir_fd=self._fd, dst_dir_fd=folder._fd)

    def remove(self, name: str) -> None:
        os.unlink(self._at(name), dir_fd=self._fd)

    def _create(self, name: str) -> int:
        try:
            return os.open(self._at(name), _FILE | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._fd)
        except FileExistsError:
            self._refuse_twin(name)
            self._refuse_other(name, self._stat(name))  # only opening a device may already do something
            return os.open(self._at(name), _FILE, dir_fd=self._fd)

    def _refuse_other(self, name: str, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            path = os.path.join(self.path, name)
            raise UnsafePath(f"{path} is not a file but a link, a folder or a device")

    def _refuse_twin(self, name: str) -> None:
        swapped = name.swapcase()
        try:
            if swapped != name:
                self._stat(swapped)
        except FileNotFoundError:
            return  # upper and lower case are different names here, without reading the folder
        if is_twin(name, os.listdir(self.path if self._fd is None else self._fd)):
            path = os.path.join(self.path, name)
            raise UnsafePath(
                f"{path} differs only in upper and lower case from another name there",
                "This disk holds only one of them; the other stays on the node.",
            )

    def _check_unmoved(self) -> None:
        if os.path.realpath(self.path) != self._real:
            raise UnsafePath(f"{self.path} was replaced by a link")

    def _at(self, name: str) -> str:
        return os.path.join(self.path, name) if self._fd is None else name

    def _stat(self, name: str) -> os.stat_result:
        return os.stat(self._at(name), dir_fd=self._fd, follow_symlinks=False)


def make(path: str) -> None:
    """The folder and its parents, for the user only; os.makedirs would leave the parents to the umask."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except FileNotFoundError:
        make(os.path.dirname(path))
        os.mkdir(path, 0o700)
