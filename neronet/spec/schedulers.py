"""The schedulers that nodes may be the gateway of: those that Neronet has an adapter for, and those of other packages.

An adapter of another package is a module with one subclass of `neronet.node.wardens.warden.Warden`, named by an entry
point of the group `neronet.wardens`, whose name is the `type:` of nodes. Its file alone is sent to the nodes.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from neronet.errors import InputError

MACHINES = ("direct", "local")  # the types of nodes that are no gateway of a cluster
GROUP = "neronet.wardens"
COMMAND = "command"  # the one that is made of three commands
NAMES = {
    "slurm": "Slurm",
    "gridengine": "Grid Engine",
    "pbs": "PBS",
    "lsf": "LSF",
    COMMAND: "a scheduler of your own",
}  # as users call them

DETECTED = ("slurm", "gridengine", "pbs", "lsf")  # a node says which of them it has


def name(word: str) -> str:
    """What users call the scheduler of a node of this type; "" for a plain machine."""
    return "" if word in MACHINES else NAMES.get(word, word)


def is_known(word: str) -> bool:
    return word in NAMES or word in others()  # the latter takes some milliseconds


def others() -> dict[str, EntryPoint]:
    """The adapters of other packages; a built-in one is not replaced."""
    return {
        each.name: each
        for each in entry_points(group=GROUP)
        if each.name.isidentifier() and each.name not in NAMES
    }


def source(entry: EntryPoint) -> bytes:
    """The file of an adapter of another package; raises InputError when it cannot be had."""
    try:
        spec = find_spec(entry.module)
        if spec is None or spec.origin is None:
            raise ImportError(f"there is no file of {entry.module}")
        return Path(spec.origin).read_bytes()
    except (ImportError, OSError) as error:
        hint = "install the package anew, or remove it"
        raise InputError(f"the adapter {entry.name} of the scheduler cannot be read: {error}", hint) from None
