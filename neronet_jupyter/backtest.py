"""What a rule would have saved: recorded runs judged again at each step of a slider.

Steps are computed where acts run, one at a time, and only the newest of those that wait. Curves are sent when a page
asks for them, which is once for each metric; a step sends where they are cut.
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from typing import Any

import numpy as np
from traitlets import Unicode

from neronet import Neroman
from neronet.api.backtest import TOP, Verdict, own_rule
from neronet.api.backtest import Backtest as Tested
from neronet.api.ruling import write_rule
from neronet.api.runset import RunSet
from neronet.errors import InputError, NeronetError
from neronet.spec.edit_rule import rule_line
from neronet.spec.problems import did_you_mean
from neronet.store.runs import RunRow
from neronet.wire.losers import GOALS
from neronet_jupyter import format as say
from neronet_jupyter import trial
from neronet_jupyter.figures.chosen import Runs, find
from neronet_jupyter.figures.resample import reduce
from neronet_jupyter.metrics import by_interest, default
from neronet_jupyter.trial import Trial
from neronet_jupyter.widget import View, slow

AGAIN = 10.0  # seconds between two readings of runs that go on
CURVES, POINTS = 200, 60  # that are drawn, and points of each
LISTED = 200  # stopped runs in the table


class Backtest(View):
    """Sliders of a rule, and what it would have done to recorded runs.

    runs: as a LiveFigure takes them. metric, and of `rule`: goal, rule (`median`, `halving` or `threshold`),
    min_points, reduction, keep, sign (`>` or `<`), limit, minutes; what is left out comes from `stop_losers` of the
    experiment. top: of so many best runs it is said which would have been lost. Without `opened` nothing is read
    before somebody asks. Raises InputError.
    """

    _view_name = Unicode("BacktestView").tag(sync=True)
    tick = AGAIN

    def __init__(
        self,
        runs: Runs = None,
        metric: str | None = None,
        *,
        top: int = TOP,
        opened: bool = True,
        neroman: Neroman | None = None,
        **rule: Any,
    ) -> None:
        self._runs, self._top = runs, top
        self._trial = trial.changed(Trial(metric or ""), rule)
        self._said = frozenset(rule)  # by whoever made it: an experiment's own rule does not count there
        self._numbers: frozenset[int] = frozenset()
        self._counts: dict[str, int] = {}
        self._tested: Tested | None = None
        self._read = 0  # how often: pages ask for the curves again
        self._old, self._taken = True, False  # _taken: what the experiment's own rule says
        self._names: list[RunRow] = []
        self._answer: dict[str, Any] = {"opened": False}
        self._wish = 0
        self._wishing, self._computing = threading.Lock(), threading.Lock()
        super().__init__(runs._neroman if isinstance(runs, RunSet) and neroman is None else neroman)
        if opened:
            self._compute()
            if metric is not None and metric not in self._counts:
                raise InputError(
                    f"these runs have no metric {metric}", did_you_mean(metric, list(self._counts))
                )

    @property
    def trial(self) -> Trial:
        """The rule that is tried now."""
        return self._trial

    # -- what pages ask for

    @slow
    def act_set(self, **words: Any) -> None:
        """Tries the rule with these words changed; without any the part is opened."""
        with self._wishing:
            self._trial = trial.changed(self._trial, words)
            self._wish += 1
            mine = self._wish
        with self._computing:
            if mine == self._wish:  # else a newer one waits: nobody wants this any more
                self._compute()

    @slow
    def act_curves(self) -> dict[str, Any]:
        """The curves that are drawn, by points: {"version", "curves": [{"number", "name", "x", "y", "points"}]}."""
        with self._computing:
            tested, version = self._tested, self._read
        return {"version": version, "curves": [] if tested is None else curves(tested, drawn(tested))}

    @slow
    def act_use(self) -> dict[str, str]:
        """Writes the rule into the config.yaml of the experiment: {"file", "line"}."""
        wanted = self._trial
        experiments = {row.experiment for row in self._names}
        if len(experiments) != 1:
            raise InputError("these runs are of several experiments", "copy the line into their config.yaml")
        rule, name = wanted.written()
        file = write_rule(self.neroman, experiments.pop(), rule, name)
        return {"file": str(file), "line": rule_line(rule, name)}

    # -- live

    def stale(self) -> None:
        """Only its own runs count, see `runs_changed`."""

    def runs_changed(self, numbers: set[int]) -> None:
        if self._runs is None or numbers & self._numbers:
            self._old = True

    def changed(self) -> None:
        self._pause = 0.0  # who asked must not wait
        super().changed()

    def render(self) -> dict[str, Any]:
        if self._old and self._answer["opened"]:
            self.live.soon(self._again)
        return self._answer

    def _again(self) -> None:
        if self._computing.acquire(blocking=False):
            try:
                before = self._answer
                self._compute()
            finally:
                self._computing.release()
            if self._answer != before:
                self.changed()

    # -- inside

    def _compute(self) -> None:
        begun = time.perf_counter()
        try:
            self._load()
            tested, wanted = self._tested, self._trial
            if tested is None:
                self._answer = {"opened": True, "problem": "No run has printed a number yet.", "hint": ""}
                return
            verdict = tested.evaluate(wanted.rule_of(), self._top, wanted.goal)
            self._answer = {
                **self._controls(wanted),
                **answer(tested, verdict, self._top),
                "milliseconds": round(1000 * (time.perf_counter() - begun)),
            }
        except NeronetError as error:
            self._answer = {"opened": True, "problem": str(error), "hint": error.hint}

    def _load(self) -> None:
        """Reads the points again when runs have changed, or another metric is wanted."""
        if self._old:
            self._old = False  # before the reading: what changes meanwhile is read next time
            store = self.neroman.store
            numbers = find(self.neroman, self._runs)
            with store.snapshot():
                self._names = store.runs.find(numbers)
                last = store.points.last(numbers)
            self._numbers = frozenset(numbers)
            self._counts = {}
            for each in last.values():
                for name in each.values:
                    self._counts[name] = self._counts.get(name, 0) + 1
            if not self._taken and self._counts:
                self._taken = True
                own = own_rule(store, self._names)
                if not self._trial.metric or own.get("metric") == self._trial.metric:
                    own = {word: value for word, value in own.items() if word not in self._said}
                    self._trial = trial.changed(self._trial, own)
            self._tested = None
        if not self._counts:
            return
        if self._trial.metric not in self._counts:
            names = by_interest(self._counts)
            self._trial = trial.changed(self._trial, {"metric": default(names) or names[0]})
        if self._tested is None or self._tested.metric != self._trial.metric:
            self._tested = Tested.load(self.neroman.store, self._numbers, self._trial.metric)
            self._read += 1
            self._bounds = trial.bounds(self._tested)
        self._trial = trial.fitted(self._trial, self._bounds)

    def _controls(self, wanted: Trial) -> dict[str, Any]:
        rule, name = wanted.written()
        experiments = sorted({row.experiment for row in self._names})
        return {
            "opened": True, "problem": "", "hint": "", "title": " ".join(experiments[:3]),
            "settings": asdict(wanted), "metrics": by_interest(self._counts), "goals": list(GOALS),
            "rules": list(trial.RULES), "signs": list(trial.SIGNS),
            "sliders": [each._asdict() for each in trial.sliders(wanted, self._bounds)], "line": rule_line(rule, name),
            "experiment": experiments[0] if len(experiments) == 1 else "", "version": self._read,
        }  # fmt: skip


def answer(tested: Tested, verdict: Verdict, top: int) -> dict[str, Any]:
    """A verdict in words and numbers, as pages show it."""
    names = {row.number: row.name for row in tested.rows}
    numbers = {tested.rows[place].number for place in drawn(tested)}
    lost = set(verdict.lost)
    rows = sorted(verdict.stopped, key=lambda stop: (stop.number not in lost, -stop.saved))
    return {
        "stopped": len(verdict.stopped), "runs": verdict.runs, "percent": round(verdict.percent),
        "saved": say.duration(3600 * verdict.saved_hours), "took": say.duration(3600 * verdict.hours),
        "top": min(top, len(verdict.best)), "best": list(verdict.best),
        "lost": [{"number": number, "name": names[number]} for number in verdict.lost], "cut": len(verdict.cut),
        "cuts": [[stop.number, stop.point] for stop in verdict.stopped if stop.number in numbers],
        "rows": [
            {
                "number": stop.number, "name": stop.name, "point": stop.point, "value": say.number(stop.value),
                "saved": say.duration(stop.saved), "why": stop.why, "lost": stop.number in lost,
            }
            for stop in rows[:LISTED]
        ],
    }  # fmt: skip


def drawn(tested: Tested) -> list[int]:
    """The places of the runs that are drawn: all, or some from the first to the last."""
    count = len(tested.rows)
    return sorted(set(np.linspace(0, count - 1, min(count, CURVES)).astype(int).tolist()))


def curves(tested: Tested, places: list[int]) -> list[dict[str, Any]]:
    """Lines by the number of the point, few points of each."""
    found = []
    for place in places:
        y = tested.values(place)
        x, y = reduce(np.arange(1.0, len(y) + 1), y, POINTS)
        row = tested.rows[place]
        found.append(
            {
                "number": row.number,
                "name": row.name,
                "x": [round(value, 1) for value in x.tolist()],
                "y": [float(f"{value:.5g}") if np.isfinite(value) else None for value in y.tolist()],
                "points": len(tested.values(place)),
            }
        )
    return found
