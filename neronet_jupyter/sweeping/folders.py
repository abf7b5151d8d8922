"""Folders that a sweep can be made in, as a user types them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from neronet.spec.editing import FILE

MOST = 12  # that are proposed at once
PROGRAMS = (".py", ".sh", ".R", ".r", ".jl", ".m", ".pl", ".rb", ".lua", ".js")
_ENTRIES = 5000  # of a folder that are looked at


def complete(typed: str, root: Path, known: Iterable[Path]) -> list[dict[str, object]]:
    """[{"path", "has"}]: folders that what is typed may become, `has` if they have a config.yaml.

    What does not begin with / or ~ is seen from `root`; for nothing typed: the `known` ones and those in `root`.
    """
    text = os.path.expanduser(typed.strip())
    place, _, start = text.rpartition("/")
    base = Path(f"{place}/") if text.startswith("/") else root / place
    inside = [path for path in _folders(base) if path.name.lower().startswith(start.lower())]
    if not start.startswith("."):
        inside = [path for path in inside if not path.name.startswith(".")]
    found = [*(path for path in known if not text or text.lower() in str(path).lower()), *inside]
    order = sorted(dict.fromkeys(found), key=lambda path: not (path / FILE).is_file())
    return [{"path": short(path), "has": (path / FILE).is_file()} for path in order[:MOST]]


def resolve(typed: str, root: Path) -> Path:
    """The absolute path of what was typed."""
    path = Path(os.path.abspath(root / os.path.expanduser(typed.strip())))
    return path.parent if path.name == FILE and path.is_file() else path


def short(path: Path) -> str:
    """With ~ for the home."""
    home = str(Path.home())
    text = str(path)
    return f"~{text[len(home) :]}" if text == home or text.startswith(home + os.sep) else text


def programs(folder: Path) -> list[str]:
    """Names of the files of a folder that may be what runs, at most MOST."""
    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name for _, entry in zip(range(_ENTRIES), entries, strict=False) if entry.is_file()
            ]
    except OSError:
        return []
    found = [name for name in names if name.endswith(PROGRAMS) and not name.startswith((".", "_"))]
    return sorted(found, key=lambda name: (name != "train.py", name != "main.py", name))[:MOST]


def _folders(base: Path) -> list[Path]:
    try:
        with os.scandir(base) as entries:
            found = [entry.name for _, entry in zip(range(_ENTRIES), entries, strict=False) if entry.is_dir()]
    except OSError:
        return []
    return [Path(os.path.abspath(base)) / name for name in sorted(found, key=str.lower)]
