"""From an experiment to its runs: how many, which values, which names, which commands."""

from neronet.sweep.expand import Point, count, expand
from neronet.sweep.names import aliases, folder_name

__all__ = ["Point", "aliases", "count", "expand", "folder_name"]
