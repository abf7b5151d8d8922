"""Grid Engine (OGE, SGE and their kin), as its manual pages of 6.2 to 8.1 tell; verified against 8.1.9."""

import re
from xml.etree import ElementTree

from neronet.node.wardens.warden import (
    ACCEPTED,
    GPUS,
    OUT_OF_MEMORY,
    PREFIX,
    REJECTED,
    RUNNING,
    UNKNOWN,
    WAITING,
    Answer,
    Task,
    Warden,
    listed,
    queue,
    seconds,
)
from neronet.wire import states

# The options that a user may give, with how many values each takes.
OPTIONS = {"-P": 1, "-p": 1, "-q": 1, "-l": 1, "-pe": 2, "-dl": 1, "-hard": 0, "-soft": 0}

NO_CONTACT = ("commlib error", "send error", "send timeout", "unable to contact", "Error reading answer list")
FEWER = ("job-array task", "max_u_jobs", "max_aj_tasks", "job rejected: Only")

ERROR = "is in the error state Eqw of Grid Engine; `qstat -j` tells why, `qmod -cj` lets it try again"

# What `qacct` says of why a job `failed`, by its numbers.
ENDED, AGAIN, AT_LIMIT, KILLED = ("", "0"), ("24", "25"), "37", "100"
DELETED = (states.TERMINATED, "its job was deleted outside of Neronet")
TIMES = (
    ("_rt", "ru_wallclock", "Grid Engine ended it at the time limit of its job"),
    ("_cpu", "cpu", "Grid Engine ended it at the limit of its CPU time"),
)
QUEUES_TIME = (states.TIMEOUT, "Grid Engine ended it at the time limit of its queue")
QUEUES = (states.FAILED, "Grid Engine ended it at a limit of its queue: h_rt, h_cpu or h_vmem")


class GridEngine(Warden):
    word = "Grid Engine"
    awaits = True
    number = "$((SGE_TASK_ID - 1))"  # they begin at 1

    def variables(self):
        return ("SGE_", "JOB_ID", "JOB_NAME", "NSLOTS", "NHOSTS", "NQUEUES", "PE", "QUEUE") + GPUS

    def why(self, reason):
        if "E" in reason:
            return ERROR
        return "is held in Grid Engine" if "h" in reason else "waits in Grid Engine"

    def submit_argv(self, token, tasks, need, options, output, script):
        given = listed(options, OPTIONS)
        argv = [
            "qsub",
            "-terse",
            "-t",
            "1-%d" % tasks,
            "-N",
            PREFIX + token,
            "-r",
            "y",
            "-j",
            "y",
            "-o",
            output,
        ]
        argv += ["-b", "y", "-shell", "n"]
        if need.get("most"):
            argv += ["-tc", str(need["most"])]
        if need.get("after"):
            argv += ["-hold_jid", ",".join(need["after"])]
        if need.get("time"):
            argv += ["-l", "h_rt=%d" % need["time"]]
        if need.get("memory"):
            # It is counted for each slot of a parallel environment.
            argv += ["-l", "h_vmem=%dM" % -(-need["memory"] // (need.get("cpus") or 1) // 2**20)]
        if need.get("gpus"):
            argv += ["-l", "gpu=%d" % need["gpus"]]
        if (need.get("cpus") or 1) > 1 and not any(option[0] == "-pe" for option in given):
            argv += ["-pe", "smp", str(need["cpus"])]
        return argv + [word for option in given for word in option] + script

    def parse_submit(self, status, out, err):
        native = out.strip().partition(".")[0]
        if status == 0 and native.isdigit():
            return Answer(ACCEPTED, native, False)
        why = " ".join(err.split())
        if status is not None and status > 0 and not any(word in err for word in NO_CONTACT):
            why = why.replace("Unable to run job:", "").replace("Exiting.", "").strip()
            return Answer(REJECTED, why, any(word in err for word in FEWER))
        return Answer(UNKNOWN, why, False)

    def query_argv(self, user):
        return ["qstat", "-u", user, "-xml"]

    def parse_query(self, status, out, err):
        if status != 0:
            return None
        found = []
        try:
            for job in ElementTree.fromstring(out or "<nothing/>").iter("job_list"):
                name = job.findtext("JB_name", "")
                if name.startswith(PREFIX):
                    found += _tasks(name[len(PREFIX) :], job)
        except (ElementTree.ParseError, ValueError):
            return None
        return found

    def cancel_argv(self, token, native, numbers, waiting):
        return ["qdel", PREFIX + token, "-t", "%d-%d" % (min(numbers) + 1, max(numbers) + 1)]

    def past_argv(self, token, numbers):
        # By the name, since ids are used again.  Of several ranges the last one alone would count.
        return ["qacct", "-j", PREFIX + token, "-t", "%d-%d" % (min(numbers) + 1, max(numbers) + 1)]

    def parse_past(self, status, out, err):
        if status != 0:
            return {}  # also where there is no record yet: they come up to a quarter of a minute late
        # Each start of a task has a record, not always with its times; the last one counts.
        records = {each.get("taskid"): each for each in _blocks(re.sub("(?m)^=+$", "", out))}
        try:
            found = {int(word) - 1: _end(each) for word, each in records.items() if (word or "").isdigit()}
        except ValueError:
            return {}  # figures of a form that nobody knows
        return {number: verdict for number, verdict in found.items() if verdict}

    def about_argv(self):
        settings = [["qconf", "-sq", "*"], ["qconf", "-sconf"], ["qconf", "-sc"]]
        return [["qstat", "-g", "c", "-xml"], ["qstat", "-help"]] + settings

    def parse_about(self, answers):
        # The first one tells that it answers; what settings it shows to whom is its own affair.
        texts = [out if status == 0 else "" for status, out, _ in answers]
        summary, usage, queues, config, resources = texts + [""] * (5 - len(texts))
        try:
            seen = list(ElementTree.fromstring(summary).iter("cluster_queue_summary"))
        except ElementTree.ParseError:
            return None
        settings = {each["qname"]: each for each in _blocks(queues) if "qname" in each}
        general = next(_blocks(config), {})
        array = general.get("max_aj_tasks", "")
        kept = re.search(r"accounting=(\w+)", general.get("reporting_params", ""))
        return {
            "version": (usage.partition("\n")[0].split() or [""])[-1],
            "queues": [_queue(each, settings.get(each.findtext("name"), {})) for each in seen],
            "array": int(array) if array.isdigit() and int(array) else None,
            "accounting": {"true": "a file", "false": "none"}.get(kept.group(1), "") if kept else "",
            "notes": list(_notes(settings.values(), resources)),
        }


def _blocks(text):
    """{name: value} of each block of lines that `qconf` shows."""
    for block in text.replace("\\\n", " ").strip().split("\n\n"):
        lines = (line.split(None, 1) for line in block.splitlines())
        yield {words[0]: words[1].strip() for words in lines if len(words) == 2}


def _end(record):
    """The verdict on a task by its last record; None: it ended by itself, is to be begun anew, or it does not say."""
    code, _, words = (part.strip() for part in record.get("failed", "").partition(":"))
    if code in ENDED + AGAIN:
        return None
    if code not in (AT_LIMIT, KILLED):
        return states.LOST, "Grid Engine lost its job on %s: %s" % (record.get("hostname", "a host"), words)
    limits = dict(re.findall(r"\b([hs]_\w+)=([^,\s]+)", record.get("category", "")))
    verdict = _over(record, limits)
    if code == AT_LIMIT:
        return verdict or (QUEUES_TIME if "h_vmem" in limits else QUEUES)
    if verdict is None and record.get("deleted_by", "NONE") != "NONE":  # those of some kin tell
        return DELETED
    # What is within its limits is killed for nothing else; some do not tell the limits.
    killed = "category" in record and record.get("exit_status", "").startswith("137")
    return verdict or (DELETED if killed else None)


def _over(record, limits):
    """The verdict on a task that used more than it had asked for, or None."""
    used = _bytes(record.get("maxvmem", "").rstrip("B")) or 0
    slots = record.get("slots", "")
    for letter in "hs":
        most = _bytes(limits.get(letter + "_vmem", ""))
        if most and used >= most * (int(slots) if slots.isdigit() else 1):
            return states.FAILED, OUT_OF_MEMORY + ", it used %d MiB" % (used >> 20)
    for name, field, why in TIMES:
        spent = re.match(r"[\d.]+", record.get(field, ""))
        most = min(filter(None, (seconds(limits.get(letter + name, "")) for letter in "hs")), default=None)
        if most and spent and float(spent.group()) + 1 >= most:  # it counts in whole seconds
            return states.TIMEOUT, why
    return None


def _queue(summary, settings):
    """Of limits that are others on some hosts the first is told: that of all other hosts."""
    slots = [int(number) for number in re.findall(r"(?:^|=)(\d+)", settings.get("slots", ""))]
    total, out_of_use = (int(summary.findtext(tag) or 0) for tag in ("total", "manual_intervention"))
    return queue(
        summary.findtext("name", ""),
        up=out_of_use < total,
        slots=total,
        cpus=max(slots, default=None),
        memory=_bytes(settings.get("h_vmem", "").partition(",")[0]),
        time=seconds(settings.get("h_rt", "").partition(",")[0]),
    )


def _bytes(text):
    """Of `4G` or `4g`; None for words, as in `INFINITY`."""
    found = re.match(r"([\d.]+)([kKmMgGtT]?)$", text)
    if not found:
        return None
    number, unit = found.groups()
    base = 1000 if unit.islower() else 1024
    return int(float(number) * base ** " kmgt".index(unit.lower() or " "))


def _notes(queues, resources):
    """What runs may ask for elsewhere, and not here."""
    if queues and not any("smp" in re.split(r"[\s,=\]]+", each.get("pe_list", "")) for each in queues):
        yield "no queue has the parallel environment `smp`: a run with `cpus:` of more than 1 needs `-pe` in sbatch_args"
    names = [word for line in resources.splitlines() for word in line.split()[:2]]
    if names and "gpu" not in names:
        yield "there is no resource `gpu`: a run with `gpus:` is refused"


def _tasks(token, job):
    native, word = job.findtext("JB_job_number", ""), job.findtext("state", "")
    # Held, waiting, in error, or put back; everything else runs, is suspended or is being ended.
    state = WAITING if "w" in word or "q" in word else RUNNING
    for number in _numbers(job.findtext("tasks", "")):
        own = "%s.%d" % (native, number)
        yield Task(token, number - 1, native, own, state, word, None, "")


def _numbers(text):
    """The numbers of `1,3,5-9:2`."""
    for part in text.split(","):
        span, _, step = part.partition(":")
        first, dash, last = span.partition("-")
        if first:
            for number in range(int(first), int(last if dash else first) + 1, int(step or 1)):
                yield number
