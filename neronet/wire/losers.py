"""Which runs of a sweep lose: a fold over (run, number of points, value).

Runs are compared at the same number of points, their checkpoints, never by time: a run that began later is measured
by those before it, and the first to arrive are judged again when others follow.  What counts is the best value so far,
which noise disturbs least and which never gets worse; anything but a finite number counts as worst.

median   a run whose best is worse than the median of the others' at the same checkpoint (the median stopping rule of
         Golovin et al., Google Vizier, KDD 2017; they take the running means of ended runs, which lag behind).
         Checkpoints: `min_points`, then each half as many more than the one before.
halving  at a checkpoint only the best 1/`reduction` of all that have reached it so far go on (ASHA, Li et al., A System
         for Massively Parallel Hyperparameter Tuning, MLSys 2020).  Checkpoints: min_points * reduction^k.

Three things protect a run.  Nobody is judged before FEW runs have reached the checkpoint.  A run is judged at the last
checkpoint that it has reached only: what it was before does not count against it once it went on, so curves may cross.
And it is stopped only while `keep` runs that were better there live on or have finished, so these always remain.

What the evaluator knows is a set: values that are told again, or late, change nothing, and no clock is read.  Values
travel as JSON: None stands for what is not a finite number.
"""

import math
from bisect import bisect_left, insort

RULES = ("median", "halving")
GOALS = ("minimize", "maximize")
RULE, MIN_POINTS, REDUCTION, KEEP = "median", 10, 3, 3  # unless the experiment says otherwise
FEW = 5  # runs without which a median, or a third, says nothing
MOST = 400  # siblings in one evidence: those next to the threshold
WORST = float("inf")


def following(rule, point):
    """The checkpoint after `point` (0: before the first)."""
    if not point:
        return rule["min_points"]
    return point * rule["reduction"] if rule["rule"] == "halving" else point + (point + 1) // 2


class Course(object):
    """The points of one run: which of them are checkpoints, and its best value there."""

    def __init__(self, rule):
        self._rule = rule
        self._n, self._next = 0, following(rule, 0)
        self._best = None

    def feed(self, value):
        """(number of points, best value so far or None) when this value makes a checkpoint full, else None."""
        finite = not (math.isnan(value) or math.isinf(value))
        if finite and (self._best is None or _key(self._rule, value) < _key(self._rule, self._best)):
            self._best = value
        self._n += 1
        if self._n < self._next:
            return None
        self._next = following(self._rule, self._n)
        return self._n, self._best if finite else None


class Losers(object):
    """Runs are any hashable values that sort.

    rule: {"metric", "goal", "rule", "min_points", "reduction", "keep"}; most: siblings in one evidence.
    """

    def __init__(self, rule, most=MOST):
        self.rule = rule
        self._most = most
        self._values = {}  # checkpoint -> {run: value}
        self._order = {}  # checkpoint -> [(key, run), ...], the best first
        self._waiting = {}  # the same of runs for which it is the last one so far, and that may be stopped
        self._last = {}  # run -> (its last checkpoint, its key there)
        self._out = set()  # runs that live no longer, and have not finished

    def feed(self, entries):
        """Takes in all entries (run, number of points, best value or None), then judges whom they concern;
        [(run, checkpoint, evidence), ...] of the runs that lose now.  They count as stopped."""
        touched = {point for run, point, value in entries if self.add(run, point, value)}
        found = []
        for point in sorted(touched):
            waiting = self._waiting.get(point, ())
            while waiting:  # when the worst of them stays, all stay
                loser = waiting[-1][1]
                evidence = self.judge(loser)
                if evidence is None:
                    break
                self.leave(loser)
                found.append((loser, point, evidence))
        return found

    def add(self, run, point, value):
        """Takes it in without judging anybody; False when it was known.  The first value of a checkpoint counts: a
        program that goes on after a requeue begins to count anew."""
        values = self._values.setdefault(point, {})
        if run in values:
            return False
        key = _key(self.rule, value)
        values[run] = value if key < WORST else None
        insort(self._order.setdefault(point, []), (key, run))
        if self._last.get(run, (0, 0))[0] < point:
            self._forget(run)
            self._last[run] = point, key
            if run not in self._out:
                insort(self._waiting.setdefault(point, []), (key, run))
        return True

    def leave(self, run):
        """This run was stopped, or has ended otherwise without having finished: its values count, it does not."""
        self._out.add(run)
        self._forget(run)

    def back(self, run):
        """It goes on after all: it is judged again at the next checkpoint that it reaches."""
        self._out.discard(run)

    def _forget(self, run):
        if run in self._last:
            point, key = self._last[run]
            waiting = self._waiting.get(point, [])
            place = bisect_left(waiting, (key, run))
            if waiting[place : place + 1] == [(key, run)]:
                del waiting[place]

    def judge(self, run):
        """The evidence that this run loses at its last checkpoint, or None."""
        point, key = self._last.get(run, (0, WORST))
        order = self._order.get(point, ())
        if len(order) < FEW or run in self._out:
            return None
        border = self._border(order, bisect_left(order, (key, run)))
        if key < WORST and key <= border:
            return None
        kept = []
        for other_key, other in order:
            if other_key >= key or len(kept) == self.rule["keep"]:
                break
            if other not in self._out:
                kept.append(other)
        if len(kept) < self.rule["keep"]:
            return None
        return self._evidence(run, point, border, order, kept)

    def _border(self, order, place):
        """The key that the one at this place must not exceed."""
        if self.rule["rule"] == "halving":
            return order[-(-len(order) // self.rule["reduction"]) - 1][0]
        middle = (len(order) - 1) // 2  # of the others; of two in the middle the worse one
        return order[middle if middle < place else middle + 1][0]

    def _evidence(self, run, point, border, order, kept):
        values = self._values[point]
        first = max(0, min(bisect_left(order, (border,)) - self._most // 2, len(order) - self._most - 1))
        near = [other for _, other in order[first : first + self._most + 1] if other != run]
        return {
            "rule": self.rule["rule"],
            "metric": self.rule["metric"],
            "goal": self.rule["goal"],
            "reduction": self.rule["reduction"],
            "keep": self.rule["keep"],
            "point": point,
            "value": values[run],
            "threshold": None if border == WORST else border * _sign(self.rule),
            "runs": len(order),
            "kept": kept,
            "others": [[other, values[other]] for other in near[: self._most]],
        }


def follows(evidence):
    """Whether its decision follows from the values of an evidence (of one that names all siblings)."""
    again = Losers(dict(evidence, min_points=evidence["point"]))
    names = [run for run, _ in evidence["others"]]
    for run, value in evidence["others"]:
        again.add((1, run), evidence["point"], value)
        if run not in evidence["kept"]:
            again.leave((1, run))
    again.add((0, 0), evidence["point"], evidence["value"])
    found = again.judge((0, 0))
    return (
        len(names) + 1 == evidence["runs"]
        and found is not None
        and found["threshold"] == evidence["threshold"]
        and len(found["kept"]) == evidence["keep"]
    )


def explain(evidence):
    """`stop_losers, error 0.52 at point 27 is worse than the median 0.31 of 12 runs`"""
    what = "stop_losers, %s %s at point %d is" % (
        evidence["metric"],
        "nan" if evidence["value"] is None else "%.6g" % evidence["value"],
        evidence["point"],
    )
    border = "nan" if evidence["threshold"] is None else "%.6g" % evidence["threshold"]
    if evidence["rule"] == "median":
        return what + " worse than the median %s of %d runs" % (border, evidence["runs"] - 1)
    return what + " not among the best 1/%d of %d runs, which is %s" % (
        evidence["reduction"],
        evidence["runs"],
        border,
    )


def _sign(rule):
    return 1.0 if rule["goal"] == "minimize" else -1.0


def _key(rule, value):
    """The less the better."""
    if value is None or math.isnan(value) or math.isinf(value):
        return WORST
    return value * _sign(rule)
