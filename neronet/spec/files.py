"""The files that a user edits: their first, commented versions, and how they are written."""

from __future__ import annotations

import os
from pathlib import Path

from neronet.errors import StoreError

NODES = "nodes.yaml"
PREFERENCES = "preferences.yaml"

FIRST_NODES = """\
# The machines that runs may go to. `nerocli addnode ID ADDRESS` adds one; edit as you like:
# comments and fields of your own stay. What a node may have:
#
#   gpu1:
#     ssh_address: gpu1.example.org   # or user@host, host:port, an alias of ~/.ssh/config
#     type: direct                    # direct (a plain machine), slurm, gridengine, pbs, lsf, local
#     slots: 4                        # runs at a time; else one for each core, or for each GPU
#     gpus: 2                         # else what is found there
#     memory: 64 GiB                  # that runs may take together
#     root: /scratch/you/neronet      # where files of runs are kept; else ~/.neronet
#     python: python3.9               # else the python3 that is found
#     transport: openssh              # else asyncssh
#     ssh_options: {identity_file: ~/.ssh/id_lab, port: 22}
#     setup: [module load cuda]       # shell lines before each run
#     env: {OMP_NUM_THREADS: 4}
#     sbatch_args: --partition=gpu    # for type slurm
#     query_every: 120                # seconds between two questions to the scheduler; else 33 or 60
#
# groups:
#   gpu: [gpu1, gpu2]                 # submit to gpu: the work is divided among them
# default_node: gpu                   # where runs go when submit names no node
nodes:
  local:                              # this computer
    type: local
"""

FIRST_PREFERENCES = f"""\
# What Neronet does when you do not say otherwise. Take away the # before a line to use it.
#
# default_node: local         # where runs go when submit names no node; before the one of {NODES}
# results_file: ~/runs.xlsx   # a table of all runs that is kept up to date; .csv, .json, .parquet, too
# mirror_limit: 256 MiB       # of each run's log that is copied here by itself; the rest when you look at it
# notify:                     # who is told when something happens; `nerocli notify test` tries it
#   - to: desktop             # or me@example.org with smtp: {{...}}, or a URL of Apprise: ntfy://topic
#     events: [failed, lost, condition, sweep ended]
# plot_python: ~/envs/plots/bin/python   # draws your plots; else the Python that runs Neronet
# panel: {{}}                   # how the panel in JupyterLab begins
"""


def write_first_files(home: Path) -> None:
    """Writes nodes.yaml and preferences.yaml, with comments that explain them, where they are missing."""
    for name, text in ((NODES, FIRST_NODES), (PREFERENCES, FIRST_PREFERENCES)):
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (home / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            continue
        except OSError as error:
            raise _not_written(home / name, error) from None


def write_text(path: Path, text: str) -> None:
    """Puts `text` in the place of a file, whole or not at all; raises StoreError."""
    target = path.resolve()  # a link, as people have who keep such files in a repository, stays one
    new = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        new.write_bytes(text.encode())
        if target.exists():
            new.chmod(target.stat().st_mode & 0o7777)
        new.replace(target)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise _not_written(path, error) from None


def _not_written(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} could not be written: {error.strerror}", "is the disk full, or the folder not yours?"
    )


def stamp_of(path: Path) -> object:
    """Another value whenever the file has changed; None while there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
