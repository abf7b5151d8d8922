"""Where the folder of a submission was in git, as it was recorded then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Git:
    """The state of a folder in git when it was submitted."""

    commit: str  # 40 hexadecimal digits, 64 in a repository of SHA-256
    branch: str  # "" for none
    dirty: bool  # the folder had changes or new files that are in no commit
    cut: bool = False  # the diff was longer than what is kept of it
    file: Path | None = None  # that holds the diff

    @property
    def diff(self) -> str:
        """What the files under git in the folder differed in from the commit; "" when in nothing, or when it is
        gone. New files are not in it: the snapshot has them."""
        try:
            return "" if self.file is None else self.file.read_bytes().decode("utf-8", "replace")
        except OSError:
            return ""

    @property
    def described(self) -> str:
        """The commit, with `-dirty` behind it as `git describe` writes it."""
        return f"{self.commit}{'-dirty' * self.dirty}"

    def to_json(self) -> dict[str, Any]:
        return {"commit": self.commit, "branch": self.branch, "dirty": self.dirty}


def known(stored: dict[str, Any] | None, home: Path) -> Git | None:
    """What was recorded."""
    if not stored:
        return None
    file = home / "files" / stored["diff"] if stored.get("diff") else None
    return Git(stored["commit"], stored["branch"], stored["dirty"], stored.get("cut", False), file)
