"""One message of the outbox: what it is about is read, it is written and sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from neronet.engine.notify.curve import curve
from neronet.engine.notify.rules import Gathered, Item
from neronet.engine.notify.writing import Detail, Written, the_run, write, written_test
from neronet.spec.notify import Channel
from neronet.store.outbox import Message
from neronet.store.runs import results_folder
from neronet.store.store import Store
from neronet.wire import states

POINTS = 200_000  # the last points of a metric that its curve shows
_READ = 64 * 1024  # bytes of the end of a log that are searched for its last lines


def message(
    store: Store,
    home: Path,
    channel: Channel,
    told: Message,
    message_id: str,
    hand_over: Callable[[str], None],
) -> None:
    """Sends it. `hand_over(subject)` is called when it cannot be taken back any more; what it raises ends it.
    Raises NotifyError."""
    gathered = Gathered.from_json(told.gathered)
    run = the_run(gathered)
    detail = None if run is None else _detail(store, home, channel, run, gathered.items[0])
    written = write(gathered, detail)
    _send(channel, written, message_id, lambda: hand_over(written.subject))


def test(channel: Channel) -> None:
    """Sends a test message. Raises NotifyError."""
    _send(channel, written_test(channel.label), f"test.{time.time_ns():x}", lambda: None)


def _send(channel: Channel, written: Written, message_id: str, hand_over: Callable[[], None]) -> None:
    if channel.smtp is None:
        from neronet.engine.notify import popup

        popup.send(channel, written, hand_over)
        return
    from neronet.engine.notify import mail

    domain = mail.sender(channel).rpartition("@")[2]
    composed = mail.compose(channel, written, f"<neronet.{message_id}@{domain}>", time.time())
    mail.send(channel, composed, hand_over)


def _detail(store: Store, home: Path, channel: Channel, run: int, item: Item) -> Detail | None:
    row = store.runs.get(run)
    if row is None:
        return None  # deleted since
    last = store.points.last([run]).get(run)
    values = last.values if last else {}
    metric = item.metric if item.metric in values else next(iter(values), "")
    png = None
    if last and metric:
        points = store.points.read(run, metric, start=max(0, last.counts[metric] - POINTS))
        png = curve(points.step, points.value)
    folder = results_folder(home, row.results, row.attempt)
    names = ("stderr.log", "stdout.log") if row.state in (states.FAILED, states.LOST) else ("stdout.log",)
    lines = (_tail(folder / name, channel.log_lines) for name in names)
    return Detail(row, values, metric, png, next((found for found in lines if found), ()))


def _tail(path: Path, lines: int) -> list[str]:
    """At most `lines` of the last lines of a log; [] when there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, 2) - _READ))
            text = file.read(_READ).decode("utf-8", "replace")
    except OSError:
        return []
    found = text.rstrip("\r\n").split("\n") if text.strip() else []
    return found[len(found) - lines :] if lines < len(found) else found if lines else []
