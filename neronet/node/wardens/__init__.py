"""The adapters to what starts jobs on a cluster, one module each; `direct` nodes need none.

A module of another package becomes one of these when it is named by an entry point of the group
`neronet.wardens`: its file is sent along.
"""

import importlib

from neronet.node.wardens.warden import Warden


def find(name, given=None):
    """The adapter called `name`; given: what nodes.yaml says of its commands. Raises ValueError where there is none."""
    try:
        module = importlib.import_module("neronet.node.wardens." + name)
        [made] = [each for each in vars(module).values()
                  if isinstance(each, type) and issubclass(each, Warden) and each.__module__ == module.__name__]  # fmt: skip
    except (ImportError, ValueError):
        raise ValueError("there is no adapter for the scheduler %s" % name)
    return made(given)
