"""The id of a NERONET_HOME: by it a node tells the batches of one home from those of others."""

from __future__ import annotations

import os
import re
import secrets
import time
from pathlib import Path

from neronet.errors import StoreError

LOOKS, PAUSE = 50, 0.01  # at an id that is being written, and seconds between two


def home_id(home: Path) -> str:
    """12 hex digits, made once and kept in `home`/id, so that they outlive the database.  Raises
    StoreError."""
    path = home / "id"
    try:
        for _ in range(LOOKS):
            try:
                text = path.read_text("ascii", "replace").strip()
            except FileNotFoundError:
                _create(path)
                continue
            if re.fullmatch("[0-9a-f]{12}", text):
                return text
            time.sleep(PAUSE)  # another process has just made the file and writes it
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read or written: {error.strerror or error}",
            "make the folder writable, or set NERONET_HOME to another one",
        ) from error
    raise StoreError(
        f"{path} does not hold the 12 hex digits of a home",
        "restore it, or remove it: then batches that are on nodes now are no longer known as yours",
    )


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    try:
        os.write(file, f"{secrets.token_hex(6)}\n".encode("ascii"))
        os.fsync(file)
    finally:
        os.close(file)
