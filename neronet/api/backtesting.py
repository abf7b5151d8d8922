"""`Neroman.backtest`; what computes it is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neronet.api.backtest import Verdict
    from neronet.api.neroman import Neroman
    from neronet.api.runset import RunSet
    from neronet.api.targets import Selector


def backtest(
    neroman: Neroman, selector: Selector | RunSet, condition: str | None = None, *, top: int = 5, **rule: Any
) -> Verdict:
    """What a rule would have done to these recorded runs: which it would have stopped and when, what that would have
    saved, which of the `top` best runs would have been lost.

    condition: as `error > 50`, `error > 50 after 10` (minutes), `loss is nan`. Else a rule across runs: metric, goal,
    rule, min_points, reduction, keep, in the place of what `stop_losers` of the experiment says. Raises InputError.
    """
    from neronet.api.backtest import of

    runs = neroman._selected(selector)
    return of(neroman.store, runs.numbers, condition, top, rule)
