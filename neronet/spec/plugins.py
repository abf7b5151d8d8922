"""What other packages add by entry points: adapters of schedulers, readers of output, ways to tell somebody."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from neronet.errors import InputError

WARDENS = "neronet.wardens"  # a module with one subclass of neronet.node.wardens.warden.Warden
READERS = "neronet.readers"  # a module with functions for output_line_processor and output_file_processor
NOTIFIERS = "neronet.notifiers"  # a function (url, subject, text) that sends; it raises with why it could not


def named(group: str) -> dict[str, EntryPoint]:
    """Name -> entry point of a group; a look takes some milliseconds."""
    return {each.name: each for each in entry_points(group=group) if each.name.isidentifier()}


def file_of(entry: EntryPoint) -> Path:
    """The file of a module that nodes get, too; raises InputError when it cannot be had."""
    try:
        spec = find_spec(entry.module)
        if spec is None or spec.origin is None or not Path(spec.origin).is_file():
            raise ImportError(f"there is no file of {entry.module}")
    except ImportError as error:
        hint = "install the package anew, or remove it"
        raise InputError(f"{entry.name} of {entry.group} cannot be read: {error}", hint) from None
    return Path(spec.origin)
