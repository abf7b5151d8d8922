"""An adapter for task-spooler (`tsp`), a queue for one machine: an example of how Neronet learns of a scheduler.

It runs on the node, with Python 3.6 or newer and nothing else: it imports only `neronet.node` and `neronet.wire`.
"""

from neronet.node.wardens.warden import (
    ACCEPTED,
    GPUS,
    OVER,
    PREFIX,
    REJECTED,
    RUNNING,
    UNKNOWN,
    WAITING,
    Answer,
    Task,
    Warden,
)

STATES = {"queued": WAITING, "allocating": WAITING, "running": RUNNING, "finished": OVER, "skipped": OVER}
CANCEL = 'for id; do tsp -k "$id" || tsp -r "$id"; done'  # the one for what runs, the other for what waits


class TaskSpooler(Warden):
    word = "task-spooler"
    most = 1  # it has no arrays

    def variables(self):
        return GPUS

    def why(self, reason):
        return "waits in task-spooler"

    def submit_argv(self, token, tasks, need, options, output, script):
        if options:
            raise ValueError("task-spooler has no options for runs")
        slots = ["-N", str(need["cpus"])] if need.get("cpus") else []
        return ["tsp", "-L", PREFIX + token] + slots + script

    def parse_submit(self, status, out, err):
        if status == 0 and out.strip().isdigit():
            return Answer(ACCEPTED, out.strip(), False)
        return Answer(UNKNOWN if status in (0, None) else REJECTED, err.strip(), False)

    def query_argv(self, user):
        return ["tsp", "-l"]

    def parse_query(self, status, out, err):
        if status != 0:
            return None
        found = []
        for line in out.splitlines()[1:]:
            native, state = line.split()[:2]
            _, mark, rest = line.partition("[" + PREFIX)
            token = rest.partition("]")[0]
            if mark:  # else somebody else's
                found.append(Task(token, 0, native, native, STATES.get(state, RUNNING), "", None, ""))
        return found

    def cancel_argv(self, token, native, numbers, waiting):
        return ["sh", "-c", CANCEL, "-", native]
