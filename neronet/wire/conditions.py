"""Conditions on metrics: a fold over the points of one run.

The evaluator keeps no clock and no file: whoever takes over a run feeds it the
same points again and comes to the same firings.  A firing is known by
(condition, offset of the point), so it is never acted on twice.

A condition is a dict of
  id, variablename, comparator, action; killvalue: what is compared with
  after    seconds since the start of the program from which on it counts; none: from the start
  times    so many points in a row; none: one
  points   stalled: so many points without a new best; slope_*: of so many points
  goal     stalled: minimize or maximize; by: what a new best must be better by
  quiet    silent: seconds
  grace    stop: seconds
What does not apply is left out, or None.
"""

import collections
import math
import operator

COMPARATORS = {
    "gt": operator.gt,
    "lt": operator.lt,
    "eq": operator.eq,
    "geq": operator.ge,
    "leq": operator.le,
    "nan": lambda value, limit: math.isnan(value),
    "inf": lambda value, limit: math.isinf(value),
}
SLOPES = {"slope_gt": "gt", "slope_lt": "lt", "slope_geq": "geq", "slope_leq": "leq"}
STALLED, SILENT = "stalled", "silent"
WORDS = tuple(COMPARATORS) + tuple(SLOPES) + (STALLED, SILENT)
SIGNS = {"gt": ">", "lt": "<", "eq": "==", "geq": ">=", "leq": "<=", "nan": "is", "inf": "is"}
KILL, STOP, WARN, NOTIFY = ACTIONS = ("kill", "stop", "warn", "notify")
GOALS = ("minimize", "maximize")

# value, offset, step (or None): the point; elapsed: seconds since the start; more: what only its comparator knows.
Firing = collections.namedtuple("Firing", "condition value offset step elapsed more")


class Conditions(object):
    """The conditions of one run.

    Each is judged with every point of its metric, and heard from `after` on: the
    last judgement before counts once that time has come, then each new one.
    """

    def __init__(self, conditions):
        self._by_name = {}
        self._silent = []
        for condition in conditions:
            if condition["comparator"] == SILENT:
                self._silent.append(condition)
            else:
                self._by_name.setdefault(condition["variablename"], []).append((condition, _judge(condition)))
        self._waiting = {}  # condition id -> what it would have said before its time has come
        self._fired = set()

    @property
    def names(self):
        """The metrics that they are about."""
        return set(self._by_name)

    @property
    def heed_silence(self):
        return bool(self._silent)

    def feed(self, name, value, offset, elapsed, step=None):
        """The Firings that this point causes `elapsed` seconds after the start."""
        firings = []
        for condition, judge in self._by_name.get(name, ()):
            if elapsed >= _after(condition):
                # Also when nobody looked in between: that value was the last one when the time had come.
                self._check(self._waiting.pop(condition["id"], None), firings)
            more = judge(value, elapsed, step)
            firing = None if more is None else Firing(condition, value, offset, step, elapsed, more)
            if elapsed >= _after(condition):
                self._check(firing, firings)
            elif firing is None:
                self._waiting.pop(condition["id"], None)
            else:
                self._waiting[condition["id"]] = firing
        return firings

    def tick(self, elapsed, quiet=0.0, printed=0):
        """Firings of the conditions whose time has come.

        quiet: seconds since the program last printed anything; printed: how many bytes it has printed.
        """
        firings = []
        for firing in list(self._waiting.values()):
            if elapsed >= _after(firing.condition):
                self._check(self._waiting.pop(firing.condition["id"]), firings)
        for condition in self._silent:
            if quiet >= condition["quiet"] and elapsed >= _after(condition):
                self._check(Firing(condition, quiet, printed, None, elapsed, {}), firings)
        return firings

    def next_tick(self, elapsed=0.0, quiet=0.0):
        """Seconds since the start at which `tick` has something to do, or None."""
        moments = [_after(firing.condition) for firing in self._waiting.values()]
        for condition in self._silent:
            if condition["id"] not in self._fired:
                moments.append(max(elapsed + condition["quiet"] - quiet, _after(condition)))
        return min(moments) if moments else None

    def said(self, condition_id):
        """Takes note that this condition has fired before, under a watcher that is dead now."""
        self._fired.add(condition_id)
        self._waiting.pop(condition_id, None)

    def _check(self, firing, firings):
        # A warning is said once a run, not once a point.
        if firing is not None and firing.condition["id"] not in self._fired:
            self._fired.add(firing.condition["id"])
            firings.append(firing)


def _after(condition):
    return condition.get("after") or 0.0


def _judge(condition):
    """A function (value, elapsed, step) -> None, or a dict of what a firing should tell beside the point."""
    comparator = condition["comparator"]
    if comparator == STALLED:
        return _Stalled(condition)
    if comparator in SLOPES:
        holds = _Slope(condition)
    else:
        compare, limit = COMPARATORS[comparator], condition["killvalue"]
        holds = lambda value, elapsed, step: {} if compare(value, limit) else None  # noqa: E731
    return _InARow(holds, condition["times"]) if (condition.get("times") or 1) > 1 else holds


class _InARow(object):
    def __init__(self, holds, times):
        self._holds, self._times, self._count = holds, times, 0

    def __call__(self, value, elapsed, step):
        more = self._holds(value, elapsed, step)
        self._count = 0 if more is None else self._count + 1
        return dict(more, times=self._count) if self._count >= self._times else None


class _Stalled(object):
    """Points since the best one; nan is never a best one, and what is only as good is none either."""

    def __init__(self, condition):
        self._sign = -1.0 if condition.get("goal") == "maximize" else 1.0
        self._by, self._points = condition.get("by") or 0.0, condition["points"]
        self._best, self._since, self._count = None, None, 0

    def __call__(self, value, elapsed, step):
        if self._is_better(value):
            self._best, self._since, self._count = value, round(elapsed, 3), 0
            return None
        self._count += 1
        if self._count < self._points:
            return None
        return {"points": self._count, "best": self._best, "since": self._since}

    def _is_better(self, value):
        if self._best is None or math.isnan(value):
            return not math.isnan(value)
        value, best = self._sign * value, self._sign * self._best
        return value < best and value <= best - self._by


class _Slope(object):
    """The least-squares slope of the last points, a step where the program gave steps, else a point.

    What is nan or infinite has no slope, and is left out.
    """

    def __init__(self, condition):
        self._compare = COMPARATORS[SLOPES[condition["comparator"]]]
        self._limit, self._points = condition["killvalue"], condition["points"]
        self._values = collections.deque(maxlen=self._points)
        self._steps = collections.deque(maxlen=self._points)
        half = (self._points - 1) / 2.0
        self._places = [place - half for place in range(self._points)]

    def __call__(self, value, elapsed, step):
        if math.isinf(value) or math.isnan(value):
            return None
        self._values.append(value)
        self._steps.append(step)
        if len(self._values) < self._points:
            return None
        slope = self._slope()
        return {"points": self._points, "slope": slope} if self._compare(slope, self._limit) else None

    def _slope(self):
        places = self._places
        if None not in self._steps:
            middle = sum(self._steps) / self._points
            places = [step - middle for step in self._steps]
        first = self._values[0]  # differences: large values of a small slope would cancel badly
        rise = sum(place * (value - first) for place, value in zip(places, self._values))
        run = sum(map(operator.mul, places, places))
        return rise / run if run else float("nan")


def explain(firing):
    """`condition error_rate_over_50, 67.01 > 50`"""
    condition, more = firing.condition, firing.more
    comparator, what = condition["comparator"], "condition %s, " % condition["id"]
    if comparator == SILENT:
        return what + "no output for %s" % _time(condition["quiet"])
    if comparator == STALLED:
        best = "" if more["best"] is None else ": the best is %.12g" % more["best"]
        return what + "no new best for %d point%s%s" % (more["points"], "s"[: more["points"] - 1], best)
    if comparator in SLOPES:
        sign, value = SIGNS[SLOPES[comparator]], more["slope"]
        said = "slope %.6g %s %.12g over %d points" % (value, sign, condition["killvalue"], more["points"])
    else:
        sign = SIGNS[comparator]
        if sign == "is":  # `nan is nan` would not say of what
            said = "%s is %.12g" % (condition["variablename"], firing.value)
        else:
            said = "%.12g %s %.12g" % (firing.value, sign, condition["killvalue"])
    return what + said + (", %d times in a row" % more["times"] if "times" in more else "")


def _time(seconds):
    amount, unit = (seconds / 60.0, "minute") if seconds >= 60 else (seconds, "second")
    text = "%.4g" % amount
    return "%s %s%s" % (text, unit, "" if text == "1" else "s")


def evidence(firing):
    """The numbers that caused a firing, as JSON values."""
    condition, comparator = firing.condition, firing.condition["comparator"]
    limit = {SILENT: condition.get("quiet"), STALLED: condition.get("points")}.get(
        comparator, condition.get("killvalue")
    )
    return dict(
        firing.more,
        condition=condition["id"],
        action=condition["action"],
        comparator=comparator,
        metric=None if comparator == SILENT else condition["variablename"],
        value=firing.value,
        limit=limit,
        offset=firing.offset,
        step=firing.step,
        elapsed=round(firing.elapsed, 3),
    )
