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

from neronet.node.runs import copy, make_private, read_json, remove, sync_folder, write_json

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
        # Times belong to inodes, and the content's own inode is linked into folders of runs.
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
            self._keep(sha)  # first: nobody else is to take it for rubbish
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
        """Makes the folder of a batch in one step; its manifest and runs are among the contents."""
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
            write_json(os.path.join(aside, "batch.json"), dict(batch, token=token))
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
            manifest = read_json(self.root.content(spec["manifest"])) or {"entries": []}
            named.update(entry[3] for entry in manifest["entries"] if entry[1] == "f")
        before = time.time() - UNUSED
        unused, manifests = [], []
        for folder, _folders, names in os.walk(os.path.join(self.root.path, "files")):
            for name in names:
                sha = name.partition(".")[0]
                path = os.path.join(folder, sha)
                if sha in named:
                    continue
                used = path + ".used"
                if os.path.exists(used) and os.stat(used).st_mtime > before:
                    continue
                (manifests if _is_manifest(path) else unused).append(os.path.join(folder, name))
        # Manifests first: while one is here, everything that it names must be.
        for path in manifests + unused:
            remove(path)


def _is_manifest(path):
    try:
        with open(path, "rb") as file:
            return file.read(6) == b'{"v":1'
    except OSError:
        return False
