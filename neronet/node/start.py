"""Starts the program of an attempt: its files, its environment, its wrapper."""

import os
import queue
import threading

from neronet.node import environment, outcome, procs, wrapper
from neronet.node.folder import populate


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
    captured = batch.environment()
    gpus = claim["gpus"] if claim["counts_gpus"] else None
    base = dict(captured["base"], **host.variables)
    variables = environment.for_program(base, captured["line"], spec, attempt, gpus)
    if spec.get("setup"):
        shell = procs.which("bash", variables.get("PATH")) or "/bin/sh"
        argv = wrapper.with_setup(argv, spec["setup"], shell)
        variables["NERONET_SETUP_FAILED"] = attempt.file("setup-failed")
    variables["NERONET_WAKE"] = host.wake_line(batch.place)
    script = wrapper.script_path(root)
    procs.pause("prepared")
    held = "/proc/%d/fd/%d" % (os.getpid(), log.fileno())
    return ["/bin/sh", script, attempt.path, host.here.boot, held, log.path] + argv, variables


class Starter(object):
    """Starts programs from a thread of its own, so that they do not inherit the niceness of the watching thread."""

    def __init__(self):
        queues = getattr(queue, "SimpleQueue", queue.Queue)  # Python 3.6 has only the slow one
        self._wishes, self._answers = queues(), queues()
        threading.Thread(target=self._serve, daemon=True).start()

    def start(self, argv, variables):
        """The wrapper's Popen; raises OSError or ValueError (an argument that no program can be given)."""
        self._wishes.put((argv, variables))
        answer = self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _serve(self):
        while True:
            argv, variables = self._wishes.get()
            try:
                self._answers.put(procs.spawn_detached(argv, variables))
            except (OSError, ValueError) as error:
                self._answers.put(error)
