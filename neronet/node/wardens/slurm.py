"""Slurm, as its manual pages of 20.02 to 24.05 tell; verified against 22.05."""

import re

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
    queue,
    seconds,
)
from neronet.wire import states

OPTIONS = dict.fromkeys(
    (
        "account", "clusters", "constraint", "cores-per-socket", "cpus-per-gpu", "cpus-per-task", "exclude", "gpus",
        "gpus-per-task", "gres", "hint", "licenses", "mem", "mem-per-cpu", "mem-per-gpu", "mincpus", "nice", "nodelist",
        "partition", "prefer", "qos", "reservation", "sockets-per-node", "threads-per-core", "time", "tmp", "wckey",
    ),
    True,
)  # fmt: skip
OPTIONS.update(dict.fromkeys(("contiguous", "exclusive"), False))
LETTERS = {"A": "account", "C": "constraint", "G": "gpus", "L": "licenses", "M": "clusters", "c": "cpus-per-task",
           "p": "partition", "q": "qos", "t": "time", "w": "nodelist", "x": "exclude"}  # fmt: skip

# Words of refusals that ask for less at once, or for patience.
FEWER = ("job array", "QOSMaxSubmitJob", "AssocMaxSubmitJob", "AssocGrpSubmitJobs", "job submit limit")

STATES = {
    "PENDING": WAITING, "CONFIGURING": WAITING, "REQUEUED": WAITING, "REQUEUE_HOLD": WAITING, "REQUEUE_FED": WAITING,
    "SPECIAL_EXIT": WAITING, "RESV_DEL_HOLD": WAITING,
    "RUNNING": RUNNING, "COMPLETING": RUNNING, "SUSPENDED": RUNNING, "STOPPED": RUNNING, "SIGNALING": RUNNING,
    "STAGE_OUT": RUNNING, "RESIZING": RUNNING,
}  # fmt: skip
# Every other one is an end.  These end a run from outside; after the rest it must have ended by itself.
VERDICTS = {
    "TIMEOUT": (states.TIMEOUT, "Slurm ended it at the time limit of its job"),
    "DEADLINE": (states.TIMEOUT, "Slurm ended it at its deadline"),
    "OUT_OF_MEMORY": (states.FAILED, OUT_OF_MEMORY),
    "NODE_FAIL": (states.LOST, "the compute node failed"),
    "BOOT_FAIL": (states.LOST, "the compute node did not start"),
    "PREEMPTED": (states.LOST, "Slurm gave its place to another job"),
    "CANCELLED": (states.TERMINATED, "its job was cancelled outside of Neronet"),
    "REVOKED": (states.LOST, "its job was moved to another cluster"),
}

NEVER = "Slurm will never start it as asked: "
REASONS = {
    "Priority": "waits for its turn in Slurm",
    "Resources": "waits in Slurm for free resources",
    "None": "waits in Slurm",
    "BeginTime": "Slurm starts it again in a moment",
    "JobArrayTaskLimit": "waits for other runs of its sweep, of which only so many may run at once",
    "JobHeldUser": "its job is held in Slurm; `scontrol release` lets it go",
    "JobHeldAdmin": "its job is held in Slurm by an administrator",
    "Licenses": "waits in Slurm for a license",
    "Reservation": "waits in Slurm for its reservation",
    "ReqNodeNotAvail": "the nodes that it asks for are not available now",
    "PartitionDown": "its partition is down",
    "PartitionInactive": "its partition takes no jobs now",
    "PartitionTimeLimit": NEVER + "its time is longer than the partition allows",
    "PartitionNodeLimit": NEVER + "it asks for more nodes than the partition has",
    "BadConstraints": NEVER + "no node has what it asks for",
    "AssocMaxWallDurationPerJobLimit": NEVER + "its time is longer than your account allows",
    "QOSMaxWallDurationPerJobLimit": NEVER + "its time is longer than the QOS allows",
    "AssocMaxJobsLimit": "your account runs as many jobs as it may",
    "QOSMaxJobsPerUserLimit": "you run as many jobs as the QOS allows",
}


class Slurm(Warden):
    word = "Slurm"
    awaits = True
    number = '"$SLURM_ARRAY_TASK_ID"'

    def variables(self):
        return ("SLURM_",) + GPUS

    def why(self, reason):
        return REASONS.get(reason.partition(",")[0].strip("()"), "")

    def submit_argv(self, token, tasks, need, options, output, script):
        given = allowed(options, OPTIONS, LETTERS)
        ours = [("job-name", PREFIX + token), ("array", "0-%d" % (tasks - 1) + at_once(need)), ("requeue", None),
                ("output", output), ("error", output), ("open-mode", "append")]  # fmt: skip
        if need.get("time"):
            ours.append(("time", str(int(-(-need["time"] // 60)))))
        if need.get("after"):
            ours.append(("dependency", "afterany:" + ":".join(need["after"])))
        if need.get("cpus"):
            ours.append(("cpus-per-task", str(need["cpus"])))
        if need.get("gpus"):
            ours.append(("gres", "gpu:%d" % need["gpus"]))
        if need.get("memory"):
            ours.append(("mem", "%dM" % -(-need["memory"] // 2**20)))
        # Of an option that is given twice the last one counts: the user's.
        return ["sbatch", "--parsable"] + [_option(*pair) for pair in ours + given] + script

    def parse_submit(self, status, out, err):
        if status == 0:
            native = out.strip().partition(";")[0]
            if native.isdigit():
                return Answer(ACCEPTED, native, False)
        why = " ".join(err.replace("sbatch: error:", " ").split())
        refused = "Batch job submission failed:" in err and not _no_contact(err)
        if status is not None and status > 0 and (refused or "unrecognized option" in err or "nvalid" in err):
            why = why.replace("Batch job submission failed:", "").strip()
            return Answer(REJECTED, why, any(word in err for word in FEWER))
        return Answer(UNKNOWN, why, False)

    def query_argv(self, user):
        return [
            "squeue",
            "--noheader",
            "--array",
            "--states=all",
            "--user=" + user,
            "--format=%j|%K|%F|%A|%T|%r|%S",
        ]

    def parse_query(self, status, out, err):
        if status != 0:
            return None
        found = []
        for line in out.splitlines():
            fields = line.split("|")
            if len(fields) != 7 or not fields[0].startswith(PREFIX) or not fields[1].isdigit():
                continue  # somebody else's, whose name may hold anything
            name, number, native, own, word, reason, start = fields
            state = STATES.get(word, OVER)
            start = "" if start == "N/A" else start
            verdict = VERDICTS.get(word) if state == OVER else None
            found.append(Task(name[len(PREFIX) :], int(number), native, own, state, reason, verdict, start))
        return found

    def explain(self, said, own):
        step = re.escape("StepId=%s." % own)
        over = re.search(step + r"\w+ exceeded memory limit \((\d+) >", said)
        if over:
            return states.FAILED, OUT_OF_MEMORY + ", it used %d MiB" % (int(over.group(1)) >> 20)
        return (states.FAILED, OUT_OF_MEMORY) if re.search("oom_kill event.* in " + step, said) else None

    def cancel_argv(self, token, native, numbers, waiting):
        argv = ["scancel", "--name=" + PREFIX + token]
        if waiting:
            return argv + ["--state=PENDING", native]
        return argv + ["%s_%d" % (native, number) for number in numbers]

    def about_argv(self):
        # Exact: nodes of one partition that differ come in a line each.
        partitions = ["sinfo", "--noheader", "--exact", "--format=%P|%a|%l|%L|%D|%c|%m|%G"]
        return [["scontrol", "show", "config"], partitions]

    def parse_about(self, answers):
        if len(answers) < 2 or any(status != 0 for status, _, _ in answers):
            return None
        lines = (line.partition("=") for line in answers[0][1].splitlines())
        config = {name.strip(): value.strip() for name, _, value in lines}
        array = config.get("MaxArraySize", "")
        accounting = config.get("AccountingStorageType", "").rpartition("/")[2]
        without = config.get("GresTypes") == "(null)"
        return {
            "version": config.get("SLURM_VERSION", ""),
            "queues": _partitions(answers[1][1]),
            "array": int(array) if array.isdigit() else None,
            "accounting": "none" if accounting == "(null)" else accounting,
            "notes": ["it knows of no GPUs: a run with `gpus:` is refused"] if without else [],
        }


def _partitions(text):
    found = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) != 8 or not fields[4].isdigit():
            continue
        word, state, limit, default, nodes, cpus, memory, gres = fields
        name = word.rstrip("*")
        one = found.setdefault(
            name, queue(name, default=word != name, up=state == "up", nodes=0, cpus=0, memory=0)
        )
        one["nodes"] += int(nodes)
        one["cpus"] = max(one["cpus"], _number(cpus))
        one["memory"] = max(one["memory"], _number(memory) * 2**20)
        one["time"], one["default_time"] = seconds(limit), seconds(default)
        for each in re.sub(r"\([^)]*\)", "", gres).split(","):
            if each.startswith("gpu") and each not in one["gpus"]:
                one["gpus"].append(each)
    return list(found.values())


def _number(text):
    """Of `4`, and of the `4+` that stands for nodes that differ."""
    text = text.rstrip("+")
    return int(text) if text.isdigit() else 0


def _option(name, value):
    return "--" + name if value is None else "--%s=%s" % (name, value)


def _no_contact(err):
    words = (
        "timed out",
        "Unable to contact",
        "Zero Bytes",
        "ommunication",
        "onnection",
        "temporarily unable",
        "Transport",
    )
    return any(word in err for word in words)
