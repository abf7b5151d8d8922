"""Contents by their hash, and batches made of them.

A content is written aside and renamed once its hash is right, so a name below
files/ never lies.  A manifest is stored after everything it names: a node that
has the manifest has all.
"""

import binascii
import hashlib
import os
import shutil
import time

from neronet.node.files import make_private, read_json, remove, sync_folder, write_json
from neronet.node.folder import copy

UNUSED = 24 * 3600.0  # seconds after which a content that no batch names may go: an upload may be under way


class Contents(object):
    def __init__(self, root):
        self.root = root
        self._arriving = {}  # sha -> (file, hash, size so far)

    def missing(self, shas):
        """Those of `shas` that are not here; the others are kept from being tidied for a while."""
        absent = []
        for sha in shas:
            if os.path.exists(self.root.content(sha)):
                self._keep(sha)
            else:
                absent.append(sha)
        return absent

    def _keep(self, sha):
        # Its own time says when it came.  Times belong to inodes, and that inode is linked into folders of runs.
        used = self.root.content(sha) + ".used"
        try:
            os.utime(used)
        except FileNotFoundError:
            open(used, "ab").close()

    def part(self, sha, offset, total, data):
        """Takes the next part of a content; True when it is whole and stored.  Raises OSError when it cannot be."""
        if os.path.exists(self.root.content(sha)):
            self._keep(sha)
            return offset + len(data) >= total
        make_private(os.path.dirname(self.root.content(sha)))
        aside = "%s.%d.part" % (self.root.content(sha), os.getpid())
        if offset == 0:
            self._arriving[sha] = [open(aside, "wb"), hashlib.sha256(), 0]
        arriving = self._arriving.get(sha)
        if arriving is None or arriving[2] != offset:
            raise OSError("parts of a file came in the wrong order")
        file, digest, _ = arriving
        try:
            file.write(data)
            digest.update(data)
            arriving[2] += len(data)
            if arriving[2] < total:
                return False
            file.close()
        except OSError:
            self._arriving.pop(sha)
            remove(aside)
            raise
        del self._arriving[sha]
        if digest.hexdigest() != sha:
            remove(aside)
            raise OSError("a file arrived damaged")
        os.chmod(aside, 0o400)
        os.rename(aside, self.root.content(sha))
        return True

    def store_batch(self, token, batch, base, line):
        """Makes the folder of a batch in one step; its manifest and runs are among the contents.

        Its runs may begin from then on, less those that the user held before it was sent.
        """
        manifest = read_json(self.root.content(batch["manifest"]))
        if manifest is None or not os.path.exists(self.root.content(batch["runs"])):
            raise OSError("the files of the submission did not arrive")
        for entry in manifest["entries"]:
            if entry[1] == "f" and entry[2]:
                self._executable_twin(entry[3])
        aside = os.path.join(self.root.path, "batches", "." + binascii.hexlify(os.urandom(8)).decode("ascii"))
        try:
            for name in ("kids", "tmp", "run"):
                os.makedirs(os.path.join(aside, name), mode=0o700)
            spec = dict(batch, token=token)
            held = spec.pop("held", None)
            if held:
                write_json(os.path.join(aside, "order.json"), {"held": held})
            write_json(os.path.join(aside, "batch.json"), spec)
            copy(self.root.content(batch["runs"]), os.path.join(aside, "runs.jsonl"), sync=True)
            write_json(os.path.join(aside, "env.json"), {"base": base, "line": line})
            os.rename(aside, self.root.batch(token))
            sync_folder(os.path.dirname(aside))
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            if not os.path.exists(self.root.batch(token)):
                raise

    def _executable_twin(self, sha):
        # A mode belongs to the inode, and one content may be a program here and data there.
        twin = self.root.content(sha) + ".x"
        if not os.path.exists(twin):
            aside = "%s.%d.part" % (twin, os.getpid())
            remove(aside)
            copy(self.root.content(sha), aside)
            os.chmod(aside, 0o500)
            os.rename(aside, twin)

    def remove_batch(self, token):
        """Deletes a batch and every content that no batch names any more."""
        gone = os.path.join(self.root.path, "batches", ".gone-" + token)
        try:
            os.rename(self.root.batch(token), gone)
        except FileNotFoundError:
            pass
        shutil.rmtree(gone, ignore_errors=True)
        self._collect()

    def _collect(self):
        named = set()
        for token in self.root.tokens():
            spec = read_json(os.path.join(self.root.batch(token), "batch.json"))
            if spec is None:
                continue
            named.update((spec["manifest"], spec["runs"]))
            named.update(_named_by(self.root.content(spec["manifest"])))
        before = time.time() - UNUSED
        unused, manifests = {}, []
        for folder, _folders, names in os.walk(os.path.join(self.root.path, "files")):
            of = {}  # sha -> its files
            for name in names:
                of.setdefault(name.partition(".")[0], []).append(os.path.join(folder, name))
            for sha, paths in of.items():
                path = os.path.join(folder, sha)
                if max(map(_changed, paths)) > before:
                    # Whoever sees that a manifest is here sends nothing of what it names.
                    named.update(_named_by(path))
                else:
                    unused[sha] = paths
                    if _is_manifest(path):
                        manifests.append(sha)
        # Manifests first: while one is here, everything that it names must be.
        for sha in manifests + list(unused):
            if sha not in named:
                for path in unused[sha]:
                    remove(path)


def _changed(path):
    """When a file was written last; long ago when it is gone."""
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0


def _named_by(path):
    """The contents that a manifest names; none when the file is no manifest (a user's may look like one)."""
    try:
        entries = read_json(path)["entries"] if _is_manifest(path) else []
        return [str(entry[3]) for entry in entries if entry[1] == "f"]
    except (ValueError, TypeError, LookupError):
        return []


def _is_manifest(path):
    try:
        with open(path, "rb") as file:
            return file.read(6) == b'{"v":1'
    except OSError:
        return False
