"""IBM Spectrum LSF, as the documents and texts of 10.1 tell; never run against a live one.

OpenLava submits the same way but its `bjobs` has no -o: it does not answer the query.
"""

import re
import shlex

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
    at_once,
    listed,
)
from neronet.wire import states

# The options that a user may give, with how many values each takes.
OPTIONS = dict.fromkeys(
    ("-G", "-Lp", "-M", "-P", "-R", "-U", "-W", "-app", "-gpu", "-m", "-n", "-q", "-sla", "-sp"), 1
)
OPTIONS["-x"] = 0

# `bsub` ends all that went wrong with "Job not submitted", also what it did not hear the end of.
NO_CONTACT = ("LSF library call", "(LIM)", "LSF is down", "atch daemon", "imeout", "onnection", "rotocol error",
              "System call failed", "Server is not connected", "End of file")  # fmt: skip
REFUSED = ("Job not submitted", "Request aborted", "illegal option", "Illegal option", "Usage:")
FEWER = ("Job array index", "Pending job threshold", "job limit")
NO_JOBS = ("No job found", "No unfinished job found", "No matching job found")

STATES = dict.fromkeys(("PEND", "PSUSP", "PROV", "WAIT"), WAITING)
STATES.update(DONE=OVER, EXIT=OVER)  # all others run, are suspended, or on a host that LSF does not reach
CANCELLED = (states.TERMINATED, "its job was killed outside of Neronet")
REQUEUED = (states.LOST, "LSF put its job back into the queue")
VERDICTS = {
    "TERM_RUNLIMIT": (states.TIMEOUT, "LSF ended it at the time limit of its job"),
    "TERM_DEADLINE": (states.TIMEOUT, "LSF ended it at its deadline"),
    "TERM_CPULIMIT": (states.TIMEOUT, "LSF ended it at the limit of its CPU time"),
    "TERM_MEMLIMIT": (states.FAILED, OUT_OF_MEMORY),
    "TERM_OWNER": CANCELLED,
    "TERM_FORCE_OWNER": CANCELLED,
    "TERM_ADMIN": CANCELLED,
    "TERM_FORCE_ADMIN": CANCELLED,
    "TERM_BUCKET_KILL": CANCELLED,
    "TERM_REQUEUE_OWNER": REQUEUED,
    "TERM_REQUEUE_ADMIN": REQUEUED,
    "TERM_PREEMPT": (states.LOST, "LSF gave its place to another job"),
    "TERM_LOAD": (states.LOST, "LSF ended it: its host had too much load"),
    "TERM_WINDOW": (states.LOST, "LSF ended it: the run window of its queue closed"),
}

# What may hold the delimiter is the last.
FIELDS = "job_name jobid stat exit_reason pend_reason delimiter='|'"
NAME = re.compile(re.escape(PREFIX) + r"(\w+)\[(\d+)\]$")


class Lsf(Warden):
    word = "LSF"
    awaits = True
    number = "$((LSB_JOBINDEX - 1))"  # they begin at 1

    def variables(self):
        return ("LSB_", "LSF_", "LS_") + GPUS

    def why(self, reason):
        return "" if reason else "waits in LSF"

    def submit_argv(self, token, tasks, need, options, output, script):
        given = listed(options, OPTIONS)
        names = {option[0] for option in given}
        wishes = " ".join(option[1] for option in given if option[0] == "-R")
        ours = [["-J", "%s%s[1-%d]%s" % (PREFIX, token, tasks, at_once(need))], ["-r"], ["-o", output]]
        if need.get("after"):
            ours.append(["-w", " && ".join("ended(%s)" % native for native in need["after"])])
        if need.get("time"):
            ours.append(["-W", str(int(-(-need["time"] // 60)))])
        if need.get("cpus"):
            ours.append(["-n", str(need["cpus"])])
            if "-n" not in names and "span[" not in wishes:
                ours.append(["-R", "span[hosts=1]"])
        if need.get("gpus"):
            ours.append(["-gpu", "num=%d" % need["gpus"]])
        if need.get("memory"):
            # With its unit: that of a plain number is another one at each site.
            memory = "%dMB" % -(-need["memory"] // 2**20)
            ours.append(["-M", memory])
            if "-M" not in names and "mem=" not in wishes:
                ours.append(["-R", "rusage[mem=%s]" % memory])
        # Only -R may be given twice.
        both = [option for option in ours if option[0] == "-R" or option[0] not in names] + given
        # Of several words `bsub` makes a line for a shell by rules of its own; a single one is that line, as it is.
        line = " ".join(shlex.quote(word) for word in script)
        # Else `bsub` waits for ever where too many jobs are pending.
        return ["env", "LSB_NTRIES=1", "bsub"] + [word for option in both for word in option] + [line]

    def parse_submit(self, status, out, err):
        native = re.search(r"Job <(\d+)> is submitted", out)
        if status == 0 and native:
            return Answer(ACCEPTED, native.group(1), False)
        why = " ".join(err.replace("Job not submitted.", " ").split())
        refused = any(word in err for word in REFUSED) and not any(word in err for word in NO_CONTACT)
        if status is not None and status > 0 and refused:
            return Answer(REJECTED, why, any(word in err for word in FEWER))
        return Answer(UNKNOWN, why, False)

    def query_argv(self, user):
        return ["bjobs", "-a", "-noheader", "-u", user, "-o", FIELDS]

    def parse_query(self, status, out, err):
        if not out.strip() and any(word in err for word in NO_JOBS):
            return []
        if status != 0:
            return None
        found = []
        for line in out.split("\n"):
            fields = line.strip().split("|", 4)
            name = NAME.match(fields[0])
            if name is None or len(fields) != 5:
                continue  # somebody else's, whose name may hold anything
            native, word, ended, reason = fields[1:]
            state = STATES.get(word, RUNNING)
            verdict = VERDICTS.get(ended.partition(":")[0].strip()) if state == OVER else None
            own = "%s[%s]" % (native, name.group(2))
            reason = reason.strip(" ;-")
            found.append(Task(name.group(1), int(name.group(2)) - 1, native, own, state, reason, verdict, ""))
        return found

    def cancel_argv(self, token, native, numbers, waiting):
        return ["bkill"] + ["%s[%d]" % (native, number + 1) for number in numbers]
