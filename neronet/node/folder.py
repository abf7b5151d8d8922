"""The folder that a program runs in: the experiment's files put in before, taken out afterwards."""

import os
import stat

from neronet.node.files import remove


def populate(root, manifest, work, private):
    """Puts the files of a manifest into `work`: links to the stored contents, copies where `private(path)` or no links.

    May be repeated after a kill: what is there already stays.
    """
    # Root writes through any mode: a link would let a program change the content for all runs.
    links = os.geteuid() != 0
    for entry in manifest["entries"]:
        path = os.path.join(work, entry[0])
        if entry[1] == "d":
            os.makedirs(path, exist_ok=True)
            continue
        if "/" in entry[0]:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            continue
        if entry[1] == "l":
            os.symlink(entry[2], path)
            continue
        content = root.content(entry[3]) + (".x" if entry[2] else "")
        if os.stat(content).st_size != entry[4]:
            remove(content)  # so that the next submission sends it again
            raise OSError(
                "the content of %s was damaged on this node (by a power cut?); submit again" % entry[0]
            )
        own = private(entry[0])
        if links and not own:
            try:
                os.link(content, path)
                continue
            except OSError:
                links = False  # a file system without them: copy, and do not try again
        part = work + ".part"
        remove(part)
        copy(content, part)
        os.chmod(part, (0o600 if own else 0o400) | (0o100 if entry[2] else 0))
        os.rename(part, path)


def unlink_inputs(manifest, work):
    """Takes the unchanged inputs out of a finished attempt's folder; what the program made or changed stays."""
    ours = {"": True}  # folder -> whether it is no link that the program has put in its place, or around it

    def is_ours(folder):
        if folder not in ours:
            ours[folder] = is_ours(os.path.dirname(folder)) and not os.path.islink(os.path.join(work, folder))
        return ours[folder]

    for entry in manifest["entries"]:
        path = os.path.join(work, entry[0])
        if not is_ours(entry[0] if entry[1] == "d" else os.path.dirname(entry[0])):
            continue
        try:
            status = os.lstat(path)
            if entry[1] == "l":
                unchanged = stat.S_ISLNK(status.st_mode) and os.readlink(path) == entry[2]
            else:
                unchanged = entry[1] == "f" and stat.S_ISREG(status.st_mode) and not status.st_mode & 0o200
            if unchanged:
                os.unlink(path)
        except OSError:
            continue
    for folder in sorted(filter(None, ours), key=len, reverse=True):
        try:
            if ours[folder]:
                os.rmdir(os.path.join(work, folder))
        except OSError:
            pass  # the program left something there


def copy(source, target, sync=False):
    """Makes `target`, which must not be there, with the content of `source`."""
    with open(source, "rb") as reader, open(target, "xb") as writer:
        data = reader.read(1024 * 1024)
        while data:
            writer.write(data)
            data = reader.read(1024 * 1024)
        if sync:
            writer.flush()
            os.fsync(writer.fileno())
