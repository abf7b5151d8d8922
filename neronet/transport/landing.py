"""What runs first on a node: makes the root, takes the agent if it is missing, then becomes it.

`bootstrap.py` sends the text of this file on a command line, so it stands alone:
Python 3.6, standard library, nothing of ours around it.  Each answer is one
line that begins with the marker; the last act is exec.
"""

import errno
import hashlib
import json
import os
import stat
import sys

STDIN, STDOUT = 0, 1
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
NOT_ALLOWED = (errno.EROFS, errno.EACCES, errno.EPERM)


class Unfit(Exception):
    """This node cannot be used: kind, root and detail, of which the user side makes a sentence."""


def tell(marker: str, word: str) -> None:
    os.write(STDOUT, f"\n{marker} {word}\n".encode())


def native(text: str) -> str:
    """`text` so that the system sees its UTF-8, also where Python 3.6 takes the C locale at its word."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def find_root(text: str) -> str:
    path = os.path.expanduser(os.path.expandvars(text))
    if "$" in path:
        raise Unfit("variable", text, "")
    return os.path.join(os.path.expanduser("~"), path).rstrip("/")


def prepare(root: str) -> None:
    """Makes `root` a folder that only its owner, us, can look into."""
    try:
        os.makedirs(root, 0o700)
    except FileExistsError:
        pass
    # /tmp/root may be somebody's link to a folder of ours, which would then be trusted by its name.
    for info in (os.lstat(root), os.stat(root)):
        if info.st_uid != os.geteuid():
            raise Unfit("owner", root, str(info.st_uid))
    if not stat.S_ISDIR(info.st_mode):
        raise Unfit("file", root, "")
    if info.st_mode & 0o077:
        if os.listdir(root) and not os.path.isdir(os.path.join(root, "agent")):
            raise Unfit("shared", root, "")  # somebody else may count on looking into it
        os.chmod(root, 0o700)
    if not os.access(root, os.W_OK | os.X_OK):
        code = errno.EROFS if os.statvfs(root).f_flag & os.ST_RDONLY else errno.EACCES
        raise OSError(code, os.strerror(code))


def sha256_of(path: str) -> str:
    try:
        with open(path, "rb") as source:
            return hashlib.sha256(source.read()).hexdigest()
    except FileNotFoundError:
        return ""


def take(size: int) -> bytes:
    """Exactly `size` bytes of stdin: what follows belongs to the agent."""
    parts = []
    while size:
        part = os.read(STDIN, min(size, 65536))
        if not part:
            sys.exit(1)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def store(path: str, data: bytes, temporary: str) -> None:
    """Puts `data` at `path`, whole or not at all, also when the node loses power now."""
    target = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(target, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(target)
        os.rename(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def main(marker: str, root: str, sha256: str, size: int, env: "dict[str, str]") -> None:
    try:
        root = find_root(native(root))
        prepare(root)
        folder = os.path.join(root, "agent")
        os.makedirs(folder, 0o700, exist_ok=True)
        path = os.path.join(folder, f"neromum-{sha256[:12]}.pyz")
        word = "have"
        if sha256_of(path) != sha256:
            tell(marker, "need")
            data = take(size)
            if hashlib.sha256(data).hexdigest() != sha256:
                raise Unfit("damaged", root, "")
            store(path, data, f"{path}.{marker}")
            word = "ready"
    except (Unfit, OSError) as error:
        if isinstance(error, Unfit):
            kind, root, detail = error.args
        else:
            kind = "full" if error.errno in NO_ROOM else "closed" if error.errno in NOT_ALLOWED else "error"
            detail = error.strerror or str(error)
        tell(marker, "fail " + json.dumps({"kind": kind, "root": root, "detail": detail}))
        sys.exit(1)
    for name, value in env.items():
        os.environ[native(name)] = native(value)
    tell(marker, word)
    os.execv(sys.executable, [sys.executable, "-I", "-S", path, "neromum", "serve", root])  # noqa: S606


if __name__ == "__main__":
    main(**json.loads(bytes.fromhex(sys.argv[1]).decode()))
