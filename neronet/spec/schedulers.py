"""The schedulers that nodes may be the gateway of: those that Neronet has an adapter for, and those of other packages.

An adapter of another package is a module with one subclass of `neronet.node.wardens.warden.Warden`, named by an entry
point of the group `neronet.wardens`, whose name is the `type:` of nodes. Its file alone is sent to the nodes.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint

from neronet.spec import plugins

MACHINES = ("direct", "local")  # the types of nodes that are no gateway of a cluster
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
    return {name: entry for name, entry in plugins.named(plugins.WARDENS).items() if name not in NAMES}
