"""preferences.yaml: what Neronet does when the user does not say otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neronet.spec import document, values
from neronet.spec.document import Block, Node, Text
from neronet.spec.files import write_first_files
from neronet.spec.notify import Channel, channels
from neronet.spec.problems import Problem, Problems, TooManyError, Unfit, check, did_you_mean, quoted
from neronet.spec.reading import Reader, scalar

__all__ = ["Preferences", "load_preferences", "parse_preferences", "write_first_files"]

TABLES = (".csv", ".json", ".xlsx", ".parquet")  # the endings of files that results can be written to


@dataclass(frozen=True)
class Preferences:
    default_node: str = ""  # a node or a group; '': the one that nodes.yaml names
    results_file: str = ""  # '': none is kept
    notify: tuple[Channel, ...] = ()  # who is told when something happens
    mirror_limit: int = 256 * 1024**2  # bytes of a run's log
    panel: dict[str, object] = field(default_factory=dict)  # as the file has it
    plot_python: str = ""  # the Python that plots are drawn with; '': the one that runs Neronet
    problems: tuple[Problem, ...] = ()

    def check(self) -> None:
        """Raises ConfigError with all problems when one of them is an error."""
        check(self.problems)


def load_preferences(path: Path) -> Preferences:
    """The preferences in a file; the defaults where it or a word is missing."""
    data = document.read(path, missing=b"")
    return Preferences(problems=(data,)) if isinstance(data, Problem) else parse_preferences(data, str(path))


def parse_preferences(data: bytes, file: str) -> Preferences:
    problems = Problems(file)
    given: dict[str, Any] = {}
    try:
        _, root = document.load(data, problems)
        if root is not None and not isinstance(root, Block):
            problems.error(root, "the file is not a block of KEY: VALUE lines")
        for key, node in root.entries.values() if isinstance(root, Block) else ():
            if key.text not in _READERS:
                # Another version may know it: it must not keep this one from working.
                problems.warn(key, f"{quoted(key.text)} is no preference", did_you_mean(key.text, _READERS))
            elif not (isinstance(node, Text) and node.is_none):
                value = _READERS[key.text](node, problems)
                given |= {key.text: value} if value is not None else {}
    except TooManyError:
        problems.give_up()
    return Preferences(**given, problems=problems.all())


def _panel(node: Node, problems: Problems) -> object:
    if not isinstance(node, Block):
        problems.error(node, "panel takes a block", "write KEY: VALUE on indented lines")
        return None
    return document.plain(node)


def _table(text: str) -> str:
    if Path(text).suffix.lower() not in TABLES:
        what = f"{quoted(Path(text).name)} does not say by its ending what to write"
        raise Unfit(what, f"end it in {', '.join(TABLES)}")
    return text


_READERS: dict[str, Reader[object]] = {
    "default_node": scalar(str),
    "results_file": scalar(_table),
    "notify": channels,
    "mirror_limit": scalar(values.memory),
    "panel": _panel,
    "plot_python": scalar(str),
}
