"""Conditions on metrics: a fold over the points of one run.

The evaluator keeps no clock and no file: whoever takes over a run feeds it the
same points again and comes to the same firings.  A firing is known by
(condition, offset of the point), so it is never acted on twice.
"""

import math

COMPARATORS = {
    "gt": lambda value, limit: value > limit,
    "lt": lambda value, limit: value < limit,
    "eq": lambda value, limit: value == limit,
    "geq": lambda value, limit: value >= limit,
    "leq": lambda value, limit: value <= limit,
    "nan": lambda value, limit: math.isnan(value),
    "inf": lambda value, limit: math.isinf(value),
}
SIGNS = {"gt": ">", "lt": "<", "eq": "==", "geq": ">=", "leq": "<=", "nan": "is", "inf": "is"}
ACTIONS = ("kill", "warn")


class Conditions(object):
    """The conditions of one run: a list of {"id", "variablename", "killvalue", "comparator", "after", "action"}.

    `after` is None (immediately) or seconds since the program started: the last
    value is checked once that time has passed, then each new one.
    """

    def __init__(self, conditions):
        self._by_name = {}
        for condition in conditions:
            self._by_name.setdefault(condition["variablename"], []).append(condition)
        self._waiting = {}  # condition id -> the last point before its time has come
        self._fired = set()

    def feed(self, name, value, offset, elapsed):
        """Firings [(condition, value, offset), ...] that this point causes `elapsed` seconds after the start."""
        firings = []
        for condition in self._by_name.get(name, ()):
            if condition["after"] is not None and elapsed < condition["after"]:
                self._waiting[condition["id"]] = (condition, value, offset)
                continue
            self._check_waiting(condition, firings)
            self._check(condition, value, offset, firings)
        return firings

    def tick(self, elapsed):
        """Firings of the conditions whose time has come, on the last value seen before it."""
        firings = []
        for condition in [waiting[0] for waiting in self._waiting.values()]:
            if elapsed >= condition["after"]:
                self._check_waiting(condition, firings)
        return firings

    def next_tick(self):
        """Seconds since the start at which `tick` has something to do, or None."""
        return min((waiting[0]["after"] for waiting in self._waiting.values()), default=None)

    def said(self, condition_id):
        """Takes note that this condition has fired before, under a watcher that is dead now."""
        self._fired.add(condition_id)

    def _check_waiting(self, condition, firings):
        # Also when nobody looked in between: this value was the last one when the time had come.
        waiting = self._waiting.pop(condition["id"], None)
        if waiting is not None:
            self._check(*waiting, firings=firings)

    def _check(self, condition, value, offset, firings):
        # A warning is said once a run, not once a point.
        if condition["id"] in self._fired:
            return
        if COMPARATORS[condition["comparator"]](value, condition["killvalue"]):
            self._fired.add(condition["id"])
            firings.append((condition, value, offset))


def explain(condition, value):
    """`condition error_rate_over_50, 67.01 > 50`"""
    sign = SIGNS[condition["comparator"]]
    limit = condition["comparator"] if sign == "is" else "%.12g" % condition["killvalue"]
    return "condition %s, %.12g %s %s" % (condition["id"], value, sign, limit)
