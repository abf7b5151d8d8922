"""From an experiment to its runs: how many, which values, which names, which commands."""

from neronet.sweep.expand import Point, count, count_exactly, expand
from neronet.sweep.names import aliases, folder_name

__all__ = ["Point", "aliases", "count", "count_exactly", "expand", "folder_name"]
