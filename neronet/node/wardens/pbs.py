"""OpenPBS and PBS Pro, as the manual pages and texts of 18.1 to 23.06 tell; never run against a live one.

Torque has other options for arrays, resources and arguments of a script: its qsub refuses ours.
"""

import re
import time

from neronet.node.wardens.warden import (
    ACCEPTED,
    GPUS,
    OUT_OF_MEMORY,
    OVER,
    PREFIX,
    REJECTED,
    RUNNING,
    UNKNOWN,
    WAITING,
    Answer,
    Task,
    Warden,
    allowed,
    at_once,
)
from neronet.wire import states

LETTERS = {"A": "A", "P": "P", "l": "l", "p": "p", "q": "q"}  # account, project, resources, priority, queue
OPTIONS = dict.fromkeys(LETTERS, True)
CHUNK = re.compile("(^|,)(select|nodes|ncpus|ngpus|mem)=")  # one of the user's: ours cannot stand beside it

NO_CONTACT = ("cannot connect", "pbs_iff", "onnection", "rotocol error", "timed out", "End of File",
              "qsub: Error")  # fmt: skip
FEWER = ("exceeds server or queue size limit", "Maximum number of jobs", "would exceed")

STATES = dict.fromkeys("HQTW", WAITING)
STATES.update(dict.fromkeys("FMX", OVER))  # all others run, are suspended or are being ended
CORES = (states.FAILED, "PBS ended it: it used more cores than its job has")
# By the exit status that PBS gives a job which it has killed.
VERDICTS = {
    "-24": CORES,
    "-25": CORES,
    "-26": (states.FAILED, OUT_OF_MEMORY),
    "-27": (states.FAILED, OUT_OF_MEMORY),
    "-28": (states.TIMEOUT, "PBS ended it at the limit of its CPU time"),
    "-29": (states.TIMEOUT, "PBS ended it at the time limit of its job"),
}
CANCELLED = (states.TERMINATED, "its job was deleted outside of Neronet")

REASONS = {
    "": "waits in PBS",
    "H": "its job is held in PBS; `qrls` lets it go",
    "W": "waits in PBS for its start time",
}


class Pbs(Warden):
    word = "PBS"
    awaits = True
    number = '"${PBS_ARRAY_INDEX:-0}"'  # a job of one task is no array

    def variables(self):
        return ("PBS_", "NCPUS", "OMP_NUM_THREADS") + GPUS

    def why(self, reason):
        kind, _, rest = reason.partition(": ")
        if kind == "Can Never Run":
            return "PBS will never start it as asked: " + rest
        return "waits in PBS: " + rest if kind == "Not Running" else REASONS.get(reason, "")

    def submit_argv(self, token, tasks, need, options, output, script):
        given = allowed(options, OPTIONS, LETTERS)
        limits = ",".join(value for name, value in given if name == "l")
        # -f: no process of qsub's stays behind.  No mail: PBS sends one for each task that is deleted.
        argv = ["qsub", "-f", "-N", PREFIX + token, "-r", "y", "-m", "n", "-j", "oe", "-o", output]
        if tasks > 1:
            argv += ["-J", "0-%d" % (tasks - 1) + at_once(need)]
        if need.get("after"):
            argv += ["-W", "depend=afterany:" + ":".join(need["after"])]
        if need.get("time") and "walltime=" not in limits:
            argv += ["-l", "walltime=%d" % -(-need["time"] // 1)]
        if any(need.get(word) for word in ("cpus", "gpus", "memory")) and not CHUNK.search(limits):
            chunk = "select=1:ncpus=%d" % (need.get("cpus") or 1)
            if need.get("gpus"):
                chunk += ":ngpus=%d" % need["gpus"]
            if need.get("memory"):
                chunk += ":mem=%dmb" % -(-need["memory"] // 2**20)
            argv += ["-l", chunk]
        return argv + [word for name, value in given for word in ("-" + name, value)] + ["--"] + script

    def parse_submit(self, status, out, err):
        native = re.search(r"^\d+(\[\])?\.\S+$", out, re.MULTILINE)
        if status == 0 and native:
            return Answer(ACCEPTED, native.group(), False)
        why = " ".join(err.replace("qsub:", " ").split())
        said = "qsub:" in err and not any(word in err for word in NO_CONTACT)
        if status is not None and status > 0 and said:
            return Answer(REJECTED, why, any(word in err for word in FEWER))
        return Answer(UNKNOWN, why, False)

    def query_argv(self, user):
        # Without -w, or with -f before it, -u gives a table with short names.  No -x: where PBS keeps no history, that
        # shows nothing at all, and elsewhere all jobs of weeks.
        return ["qstat", "-t", "-u", user, "-f", "-w"]

    def parse_query(self, status, out, err):
        if status != 0:
            return None
        found = []
        for line in out.split("\n"):
            if line.startswith("Job Id: "):
                found.append({"id": line[len("Job Id: ") :].strip()})
            elif found:
                name, _, value = line.strip().partition(" = ")
                found[-1].setdefault(name, value)
        if out.strip() and not found:
            return None
        single = [job for job in found if "[]" not in job["id"]]  # not an array as a whole
        return [_task(job) for job in single if job.get("Job_Name", "").startswith(PREFIX)]

    def cancel_argv(self, token, native, numbers, waiting):
        return ["qdel"] + [native.replace("[]", "[%d]" % number) for number in numbers]


def _task(job):
    own, index = job["id"], re.search(r"\[(\d+)\]", job["id"])
    native = re.sub(r"\[\d+\]", "[]", own)
    word, comment = job.get("job_state", ""), job.get("comment", "")
    state = STATES.get(word, RUNNING)
    verdict = None
    if state == OVER:
        verdict = VERDICTS.get(job.get("Exit_status"), CANCELLED if "terminated" in comment else None)
    # What was said of an array that has begun, or of an earlier start, is not why a task waits.
    reason = "" if comment.startswith(("Job Array Began", "Job run at")) else comment
    reason = reason or (word if word in REASONS else "")
    token, number = job["Job_Name"][len(PREFIX) :], int(index.group(1)) if index else 0
    return Task(token, number, native, own, state, reason, verdict, _start(job))


def _start(job):
    try:
        at = time.strptime(job.get("estimated.start_time", ""), "%a %b %d %H:%M:%S %Y")
    except ValueError:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", at)
