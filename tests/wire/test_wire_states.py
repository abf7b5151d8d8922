"""States only go forward; an exit record that was found late corrects `lost`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet.wire import states
from neronet.wire.states import ENDED, OPEN, RANKS, STATES, advance, describe_exit

known = st.sampled_from(STATES)


@given(st.lists(known | st.text(max_size=5), max_size=12))
def test_a_state_never_goes_backwards(reports: list[str]) -> None:
    state = states.DEFINED
    for report in reports:
        after = advance(state, report)
        assert RANKS[after] >= RANKS[state]
        assert after in (state, report)
        state = after


@given(known)
def test_a_repeated_or_unknown_report_changes_nothing(state: str) -> None:
    assert advance(state, state) == state
    assert advance(state, "exploded") == state


def test_the_first_end_stays_but_lost_may_be_corrected() -> None:
    assert advance(states.FINISHED, states.FAILED) == states.FINISHED
    assert advance(states.LOST, states.RUNNING) == states.LOST
    for end in ENDED - {states.LOST}:
        assert advance(states.LOST, end) == end


def test_every_state_is_open_or_ended() -> None:
    assert set(STATES) == ENDED | OPEN
    assert not ENDED & OPEN


@pytest.mark.parametrize(
    ("status", "described"),
    [
        (0, ("finished", "")), (1, ("failed", "exit code 1")), (127, ("failed", "exit code 127")), (128, ("failed", "exit code 128")),
        (137, ("failed", "ended by signal KILL")), (139, ("failed", "ended by signal SEGV")), (130, ("failed", "ended by signal INT")),
        (255, ("failed", "exit code 255")),
    ],
)  # fmt: skip
def test_an_exit_status_in_words(status: int, described: tuple[str, str]) -> None:
    assert describe_exit(status) == described
