"""Any scheduler with three commands, as nodes.yaml gives them: `submit`, `query` and `cancel`."""

import re
import shlex

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

# The words that schedulers have for what a job is; the first word of a line that is one of them counts.
WORDS = (
    (WAITING, "PD PENDING PEND Q QW QUEUED QUEUEING WAIT WAITING W IDLE H HELD HOLD ALLOCATING"),
    (RUNNING, "R RUN RUNNING ACTIVE STARTED EXECUTING S SUSPENDED"),
    (
        OVER,
        "C CD CA COMPLETED COMPLETE DONE E EXIT EXITED F FAILED FINISHED ENDED CANCELLED CANCELED KILLED SKIPPED",
    ),
)
STATES = {word: state for state, words in WORDS for word in words.split()}
NAME = re.compile(PREFIX + "([0-9a-f]{16})(?![0-9a-f])")
WORD = re.compile("[0-9A-Za-z_]+")


class Command(Warden):
    word = "the scheduler"
    most = 1  # a job is one task: not all have arrays

    def variables(self):
        return GPUS

    def why(self, reason):
        return "waits in the scheduler"

    def submit_argv(self, token, tasks, need, options, output, script):
        if options:
            raise ValueError("sbatch_args mean nothing to it: its options stand in `submit:`")
        memory, time = need.get("memory") or 0, need.get("time") or 0
        values = {
            "name": PREFIX + token,
            "output": output,
            "cpus": need.get("cpus") or 1,
            "gpus": need.get("gpus") or 0,
            "memory": -(-memory // 2**20),
            "minutes": -(-int(time) // 60),
        }
        argv = []
        words = self.words("submit")
        for word in words if "{script}" in words else words + ["{script}"]:
            argv += script if word == "{script}" else [_filled(word, values)]
        return argv

    def words(self, which):
        return shlex.split(self.given.get(which, ""))

    def parse_submit(self, status, out, err):
        why = " ".join((err or out).split())
        if status is None:
            return Answer(UNKNOWN, why, False)
        return Answer(REJECTED, why, False) if status else Answer(ACCEPTED, out.strip()[-100:], False)

    def query_argv(self, user):
        return [_filled(word, {"user": user}) for word in self.words("query")]

    def parse_query(self, status, out, err):
        if status != 0:
            return None
        found = []
        for line in out.splitlines():
            name = NAME.search(line)
            if name:
                rest = line[: name.start()] + " " + line[name.end() :]
                known = [STATES[word.upper()] for word in WORD.findall(rest) if word.upper() in STATES]
                native = re.split(r"[\s|]+", line.strip())[0]
                state = known[0] if known else RUNNING
                found.append(Task(name.group(1), 0, native, native, state, "", None, ""))
        return found

    def cancel_argv(self, token, native, numbers, waiting):
        return [_filled(word, {"id": native}) for word in self.words("cancel")]


def _filled(word, values):
    return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found.group(1), found.group(0))), word)
