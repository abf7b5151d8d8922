"""What a scheduler is asked, and what its answers mean.

A warden runs nothing and opens nothing: it builds command lines and reads texts.
What it submits is always an array job whose tasks start Nerokid, and always
carries our own token as its name, by which alone it is found again: native ids
are used twice after a crash of some controllers.  No word of a user's gets into
a script; options go on the command line, and only those that the warden knows.
"""

from collections import namedtuple

# What became of a submission.  UNKNOWN: the scheduler may have taken it or not; only a later query tells.
ACCEPTED, REJECTED, UNKNOWN = "accepted", "rejected", "unknown"
# What a task of a job is.  OVER: it runs no more, and never will again.
WAITING, RUNNING, OVER = "waiting", "running", "over"

PREFIX = "nn-"  # of the names of our jobs
OUT_OF_MEMORY = "out of memory"  # the beginning of such a verdict's reason
# Prefixes of the variables by which schedulers name the GPUs of a job to its programs.
GPUS = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "GPU_DEVICE_ORDINAL")

# text: the native id of what was accepted, else why not; fewer: it may do for a job of fewer tasks.
Answer = namedtuple("Answer", ("kind", "text", "fewer"))
# A task as a query shows it.  native: the id of its job; own: that of itself, as the scheduler writes it elsewhere;
# reason: the scheduler's word why it waits; verdict: None, or the (state, reason) of a run that did not end by itself
# in it; start: when it is expected to start, the scheduler's own text.
Task = namedtuple("Task", ("token", "number", "native", "own", "state", "reason", "verdict", "start"))


class Warden(object):
    """The interface.  need: {"cpus", "gpus", "memory" (bytes), "time" (seconds), "most" (tasks at once), "after" (ids
    of jobs that must be over first)}, None for what is not asked for; given: what nodes.yaml says of its commands."""

    word = ""  # what users call it
    number = "0"  # sh word for a task's number in its array
    most = 2**31  # tasks that a job may have
    awaits = False  # whether a job may be kept until others are over: `after` in need

    def __init__(self, given=None):
        self.given = given or {}

    def variables(self):
        """Prefixes of the names of the variables that a program gets from its job."""
        raise NotImplementedError

    def why(self, reason):
        """What users read for the scheduler's word why a task waits; "" where that says enough."""
        raise NotImplementedError

    def submit_argv(self, token, tasks, need, options, output, script):
        """argv that submits tasks 0 ... tasks - 1 of a job; script: path of what each runs, and its arguments.

        options: words of the user's, as in `--partition=gpu`; raises ValueError for one that may not be given.
        output: the file that gets what Nerokid says if it cannot begin.
        """
        raise NotImplementedError

    def parse_submit(self, status, out, err):
        """The Answer; status: None when the program did not end in time or was killed."""
        raise NotImplementedError

    def query_argv(self, user):
        """argv that tells of all jobs of a user."""
        raise NotImplementedError

    def parse_query(self, status, out, err):
        """[Task, ...] of ours, or None when the scheduler did not answer."""
        raise NotImplementedError

    def explain(self, said, own):
        """A (state, reason) that what the scheduler wrote into the output of a job gives for a task, or None."""
        return

    def cancel_argv(self, token, native, numbers, waiting):
        """argv that ends these tasks of a job; waiting: only those of them that have not begun, where that can be said.

        By the name as well, where that can be said: the id may be another job's since the last query.
        """
        raise NotImplementedError

    def past_argv(self, token, numbers):
        """argv that tells how these tasks of a job ended which are shown no more; None where queries show ended ones.

        They are tasks that left a run open, so it is seldom asked.
        """
        return

    def parse_past(self, status, out, err):
        """{number: (state, reason)} of the tasks of which it says how they ended; others may still be told of later.

        `lost` is not final: such a task may be begun anew.
        """
        return {}

    def about_argv(self):
        """[argv, ...] that tell what the scheduler is and allows; the first fails when it does not answer."""
        return []

    def parse_about(self, answers):
        """What [(status, out, err), ...] of them say, or None when the scheduler did not answer.

        {"version", "queues": [`queue`, ...], "array": how many tasks a job may have, or None,
        "accounting": the word for what it keeps of ended jobs, "notes": [what cannot be asked for there, ...]}
        """
        return {}


def queue(name, **known):
    """A partition or queue.  None is what is not known: of time, that there is no limit.

    up: it takes jobs; nodes, slots: how many; cpus: the most that one node gives; memory: bytes, the same, or for
    each slot where slots are counted; time: seconds that a job may have, default_time: has that says none; gpus: what
    nodes have, the scheduler's own words.
    """
    found = {"name": name, "default": False, "up": True, "nodes": None, "slots": None, "cpus": None, "memory": None,
             "time": None, "default_time": None, "gpus": []}  # fmt: skip
    return dict(found, **known)


def seconds(text):
    """Of `2-00:00:00`, `30:00` and `3600`; None for words, as in `infinite`."""
    days, _, rest = text.rpartition("-")
    total = 0
    for part in rest.split(":"):
        if not part.isdigit():
            return None
        total = 60 * total + int(part)
    return total + 86400 * int(days or 0)


def at_once(need):
    """What follows the range of an array of which only so many tasks may run at once."""
    return "%%%d" % need["most"] if need.get("most") else ""


def allowed(words, options, letters):
    """The user's words as [(name, value), ...] of an allow-list; raises ValueError for any other.

    options: {name: whether it takes a value} without dashes; letters: {letter: name}.
    """
    found, words = [], list(words)
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
        elif len(word) > 1 and word[0] == "-":
            name, value = letters.get(word[1], word), word[2:]
            equals = value
        else:
            raise ValueError("%s is no option" % word)
        if name not in options:
            raise ValueError("the option %s may not be given" % word.partition("=")[0])
        if options[name] and not equals:
            if not words:
                raise ValueError("the option %s lacks its value" % word)
            value = words.pop(0)
        found.append((name, value if options[name] else None))
    return found


def listed(words, options):
    """The user's words as [[option, value, ...], ...] of an allow-list; raises ValueError for any other.

    options: {option, with its dash: how many words follow it}.
    """
    found, words = [], list(words)
    while words:
        word = words.pop(0)
        if word not in options:
            raise ValueError("the option %s may not be given" % word)
        count = options[word]
        if len(words) < count:
            raise ValueError("the option %s lacks its value" % word)
        found.append([word] + words[:count])
        del words[:count]
    return found
