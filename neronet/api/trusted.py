"""Which folders the user trusts: only their plotting code runs on this computer.

Trust is the user's word about a folder, by its real path, and holds for whatever the folder has later: as when she
types `python plots.py` there. It is kept in trusted.json in her home and asked for before anything of a folder runs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from neronet.errors import InputError, NotTrusted
from neronet.spec.files import write_text
from neronet.spec.nodes import locked

FILE = "trusted.json"


class Trusted:
    """The folders that are trusted in a home."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE

    def folders(self) -> dict[str, float]:
        """Real path -> when it was trusted, in seconds since 1970. A file that cannot be read trusts nothing."""
        try:
            known = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        if not isinstance(known, dict):
            return {}
        return {path: float(since) for path, since in known.items() if isinstance(since, int | float)}

    def add(self, folder: str | Path) -> str:
        """Trusts a folder, not those in it; its real path. InputError when it is no folder."""
        path = real(folder)
        if not os.path.isdir(path):
            raise InputError(f"{path} is not a folder", "name the folder of an experiment")
        with locked(self._path):
            self._write({**self.folders(), path: time.time()})
        return path

    def revoke(self, folder: str | Path) -> str:
        """Trusts a folder no more; its real path. InputError when it was not trusted."""
        path = real(folder)
        with locked(self._path):
            known = self.folders()
            if known.pop(path, None) is None:
                raise InputError(f"{path} is not trusted", "`nerocli trust` lists those that are")
            self._write(known)
        return path

    def check(self, folders: Iterable[str | Path]) -> None:
        """Raises NotTrusted for the first of these folders that is not trusted."""
        known = self.folders()
        for folder in folders:
            if real(folder) not in known:
                raise NotTrusted(real(folder))

    def _write(self, known: dict[str, float]) -> None:
        write_text(self._path, json.dumps(known, indent=1) + "\n")


def real(folder: str | Path) -> str:
    """The path by which a folder is trusted."""
    return os.path.realpath(Path(folder).expanduser())
