"""Starts the program of an attempt: its files, its environment, its wrapper."""

import os

from neronet.node import environment, outcome, procs, wrapper
from neronet.node.folder import populate

ENVIRON = "environ"  # a file: the environment of the program after its setup lines


def prepare(host, attempt, log):
    """(argv, environment) of the wrapper, once work/ is filled.  May be repeated; raises OSError or ValueError.

    log: the journal of this process, which is going to watch.
    """
    batch, root = attempt.batch, host.root
    argv = batch.run(attempt.index)["argv"]
    claim = attempt.read_claim()
    if claim is None:
        raise FileNotFoundError("its folder is gone: %s" % attempt.path)
    spec = batch.spec
    own = list(spec.get("outputs") or []) + list(spec.get("writable") or [])
    procs.pause("claimed")
    populate(root, batch.manifest(), attempt.file("work"), lambda path: outcome.matches(path, own))
    variables = variables_of(host, attempt, claim)
    if spec.get("setup"):
        shell = procs.which("bash", variables.get("PATH")) or "/bin/sh"
        argv = wrapper.with_setup(argv, spec["setup"], shell)
        variables["NERONET_SETUP_FAILED"] = attempt.file("setup-failed")
        variables["NERONET_SETUP_ENVIRON"] = attempt.file(ENVIRON) if spec.get("processors") else ""
    variables["NERONET_PRELOAD"] = variables.pop("LD_PRELOAD", "")
    variables["NERONET_WAKE"] = host.wake_line(batch.place)
    script = wrapper.script_path(root)
    procs.pause("prepared")
    held = "/proc/%d/fd/%d" % (os.getpid(), log.fileno())
    return ["/bin/sh", script, attempt.path, host.here.boot, held, log.path] + argv, variables


def for_processors(host, attempt, ended):
    """(argv, environment) of the program of an attempt, for what reads its outputs; None while its setup lines run."""
    claim = attempt.read_claim()
    if claim is None:
        raise FileNotFoundError(attempt.path)
    variables = variables_of(host, attempt, claim)
    if attempt.batch.spec.get("setup"):
        try:
            pairs = [item.partition(b"=") for item in procs.read_bytes(attempt.file(ENVIRON)).split(b"\0")]
        except FileNotFoundError:
            if not ended:
                return None
        else:
            variables = {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs if name}
    return attempt.batch.run(attempt.index)["argv"], variables


def variables_of(host, attempt, claim):
    """The environment of the program of an attempt, but for what its setup lines change."""
    captured, spec = attempt.batch.environment(), attempt.batch.spec
    gpus = claim["gpus"] if claim["counts_gpus"] else None
    base = dict(captured["base"], **host.variables)
    return environment.for_program(base, captured["line"], spec, attempt, gpus)
