"""How a message reads (pure).  Names, reasons and log lines are data: one line each, never a header, never HTML."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from neronet import words
from neronet.engine.notify.rules import FIRST, SWEEP, Gathered, Item
from neronet.spec.problems import harmless
from neronet.store.runs import RunRow
from neronet.wire import states

SUBJECT = 77  # characters: what lists of mail show, and what needs no folding
NAME = 36  # of a name in a subject that is too long
LINE = 300  # characters of a log line that are shown
PARAMETERS = 40  # of a run that are shown
METRICS = 12
_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")

# Of one: `NAME ...`; of many: `12 runs ...`; in a list of kinds: `12 ...`.
_ONE = {
    states.FINISHED: "finished", states.FAILED: "failed", states.TIMEOUT: "ran into its time limit",
    states.TERMINATED: "was terminated", states.LOST: "was lost", "condition": "met a condition",
    "rule": "was stopped by a rule", "waiting": "still waits", "progress": "goes on",
    "unreachable": "does not answer", SWEEP: "has ended", "unsure": "may not have reached you",
}  # fmt: skip
_MANY = {
    **_ONE, states.TERMINATED: "were terminated", states.LOST: "were lost", states.TIMEOUT: "ran into their time limit",
    "condition": "were met", "rule": "were stopped by a rule", "waiting": "still wait", "progress": "go on",
    "unreachable": "do not answer", SWEEP: "have ended",
}  # fmt: skip
_NOUNS = {
    "unreachable": "node", SWEEP: "sweep", "unsure": "earlier message", "rule": "run or sweep",
    "condition": "condition",  # a run may meet several
}  # fmt: skip
_NOUNS_MANY = {"rule": "runs or sweeps"}
# Of any number, in a subject that has room for no more.
_COUNTED = {
    **_ONE, states.TIMEOUT: "timed out", states.TERMINATED: "terminated", states.LOST: "lost", "rule": "stopped by a rule",
    "waiting": "waiting", "progress": "going on", "unreachable": "silent", SWEEP: "ended", "condition": "met",
}  # fmt: skip
# What matters most comes first.
_ORDER = (
    SWEEP, states.FAILED, states.LOST, states.TIMEOUT, "condition", "rule", states.TERMINATED, "unreachable", "waiting",
    states.FINISHED, "progress", "unsure",
)  # fmt: skip


class Detail(NamedTuple):
    """What a message about one run shows of it."""

    row: RunRow
    values: Mapping[str, float] = {}  # the last ones of its metrics
    metric: str = ""  # of the curve
    png: bytes | None = None
    log: Sequence[str] = ()


class Written(NamedTuple):
    subject: str
    text: str
    html: str
    png: bytes | None


def the_run(gathered: Gathered) -> int | None:
    """The one run that all of a message is about."""
    runs = {item.run for item in gathered.items}
    whole = sum(gathered.counts.values()) == len(gathered.items)
    return next(iter(runs)) if whole and len(runs) == 1 else None


def write(gathered: Gathered, detail: Detail | None = None) -> Written:
    """The message; `detail` when it is about one run."""
    if detail is not None:
        return _about_one(gathered, detail)
    return _about_many(gathered)


def written_test(label: str) -> Written:
    text = f"This is the test message that you asked for. {harmless(label, 80)} works.\n"
    return Written("neronet: a test message", text, f"<p>{html.escape(text)}</p>", None)


def values_text(values: Mapping[str, float]) -> str:
    some = list(values.items())[:METRICS]
    return ", ".join(f"{harmless(name, 60)} {words.number(value)}" for name, value in some)


def _line(text: str, width: int = LINE) -> str:
    return harmless(" ".join(text.split()), width)


def _subject(forms: Iterable[str]) -> str:
    """The first of these that fits, else the last one, cut."""
    shown = ""
    for form in forms:
        shown = _line(f"neronet: {form}", 10_000)
        if len(shown) <= SUBJECT:
            return shown
    return shown[: SUBJECT - 3] + "..."


def _with_short_name(item: Item) -> str:
    return _sentence(item._replace(name=_line(item.name, NAME)))


def _counted(gathered: Gathered, order: Sequence[str]) -> Iterator[str]:
    """`lang: 1 sweep ended, 12 failed, 3 conditions met`; then without what matters least."""
    parts = []
    for word in order:
        many = gathered.counts[word]
        noun = _NOUNS.get(word) if word in (SWEEP, "unreachable", "condition") else ""
        parts.append(f"{words.count(many, noun) if noun else f'{many:,}'} {_COUNTED.get(word, word)}")
    experiments = [_line(experiment, NAME) for experiment in gathered.experiments]
    more = f" and {len(experiments) - 1} more" if len(experiments) > 1 else ""
    lead = f"{experiments[0]}{more}: " if experiments else ""
    for shown in range(len(parts), 0, -1):
        yield lead + ", ".join([*parts[:shown], *(["..."] if shown < len(parts) else [])])


def _sorted(gathered: Gathered) -> list[str]:
    known = [word for word in _ORDER if gathered.counts.get(word)]
    return known + sorted(set(gathered.counts) - set(_ORDER))


def _sentence(item: Item) -> str:
    """`lang/lr=0.1 failed: exit code 3`"""
    if item.word == "unsure":
        return f"an earlier message may not have reached you: {item.text}"
    if item.word in ("condition", "rule") and item.text:
        return f"{item.name}: {item.text}" if item.name else item.text
    name = f"the sweep {item.name}" if item.word == SWEEP else item.name
    said = f"{name} {_ONE.get(item.word, item.word)}"
    return f"{said}: {item.text}" if item.text else said


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


# -- one run


def _about_one(gathered: Gathered, detail: Detail) -> Written:
    row = detail.row
    first, *others = sorted(
        gathered.items, key=lambda item: _ORDER.index(item.word) if item.word in _ORDER else 99
    )
    lead = _sentence(first)
    forms = [lead, _with_short_name(first)]
    if others:
        happened = dict.fromkeys(_ONE.get(item.word, item.word) for item in (first, *others))
        forms = [f"{_line(row.name, NAME)}: {', '.join(happened)}"]
    facts = [("run", f"{row.number}, attempt {row.attempt}" if row.attempt > 1 else str(row.number))]
    facts += [("experiment", row.experiment), ("node", row.node), ("when", _moment(first.time))]
    if row.started is not None and row.ended is not None:
        facts.append(("ran for", words.duration(row.ended - row.started)))
    given = [(name, value) for name, value in list(row.parameters.items())[:PARAMETERS]]
    last = values_text(detail.values)
    commands = [f"nerocli status {row.number}", f"nerocli logs {row.number}"]

    text = [_line(_capital(lead)) + "."]
    text += [_line(_capital(_sentence(item))) + "." for item in others]
    text += ["", *_table(facts)]
    if given:
        text += ["", "Parameters", *_table(given)]
    if last:
        text += ["", f"Last values: {last}"]
    log = [_log_line(line) for line in detail.log]
    if log:
        text += ["", "The last lines of its log", *(f"  {line}" for line in log)]
    text += ["", "To look closer", *(f"  {command}" for command in commands)]

    body = [f"<p style='font-size:16px'><b>{_html(text[0])}</b></p>"]
    body += [f"<p>{_html(_capital(_sentence(item)))}.</p>" for item in others]
    if detail.png:
        what = _html(detail.metric)
        body.append(
            f"<p style='margin:8px 0 0;color:#57606a'>{what}</p>"
            f"<img src='cid:curve' width='480' height='160' alt='the curve of {what}'>"
        )
    body.append(_html_table([*facts, *given]))
    if last:
        body.append(f"<p>Last values: {_html(last)}</p>")
    if log:
        body.append(
            f"<pre style='background:#f6f8fa;padding:8px;white-space:pre-wrap'>{'<br>'.join(map(_html, log))}</pre>"
        )
    body.append(_html_commands(commands))
    return Written(_subject(forms), "\n".join(text) + "\n", _page(body), detail.png)


# -- many


def _about_many(gathered: Gathered) -> Written:
    order = _sorted(gathered)
    parts = [_many(gathered, word) for word in order]
    text: list[str] = []
    body: list[str] = []
    for word, part in zip(order, parts, strict=True):
        items = [item for item in gathered.items if item.word == word]
        many = gathered.counts[word]
        text += [*([""] if text else []), _line(_capital(part)) + "."]
        body.append(f"<p style='font-size:16px'><b>{_html(text[-1])}</b></p>")
        reasons = sorted(gathered.reasons.get(word, {}).items(), key=lambda pair: -pair[1])
        if many > 1 and len(reasons) < many:
            rows = [(f"{count:,}", reason) for reason, count in reasons[:FIRST]]
            text += ["", *_table(rows)]
            body.append(_html_table(rows))
        if many > 1 or (word != SWEEP and not items[0].text and items[0].run is not None):
            rows = [(f"#{item.run}" if item.run is not None else "", _listed(item)) for item in items]
            text += ["", "The first:" if many > len(items) else "", *_table(rows)]
            body.append(_html_table(rows))
        if many > len(items):
            text.append(f"  and {many - len(items):,} more")
            body.append(f"<p>and {many - len(items):,} more</p>")
    commands = [f"nerocli status {experiment}" for experiment in list(gathered.experiments)[:3]]
    commands.append("nerocli history --since 1d")
    text = [line for n, line in enumerate(text) if line or (n and text[n - 1])]
    text += ["", "To look closer", *(f"  {command}" for command in commands)]
    body.append(_html_commands(commands))
    one = sum(gathered.counts.values()) == 1
    shorter = map(_with_short_name, gathered.items) if one else _counted(gathered, order)
    return Written(_subject(["; ".join(parts), *shorter]), "\n".join(text) + "\n", _page(body), None)


def _many(gathered: Gathered, word: str) -> str:
    """`500 runs of lang failed`, or the sentence of the one."""
    many = gathered.counts[word]
    if many == 1:
        return _sentence(next(item for item in gathered.items if item.word == word))
    noun = words.count(many, _NOUNS.get(word, "run"), _NOUNS_MANY.get(word, ""))
    experiments = list(gathered.experiments)
    of = f" of {experiments[0]}" if len(experiments) == 1 and word != "unsure" and word != SWEEP else ""
    return f"{noun}{of} {_MANY.get(word, word)}"


def _listed(item: Item) -> str:
    if item.word == "unsure":
        return item.text
    return f"{item.name}: {item.text}" if item.text else item.name


# -- parts


def _capital(text: str) -> str:
    # Names of runs and experiments stay as they are.
    return "T" + text[1:] if text.startswith("the sweep ") else text


def _log_line(line: str) -> str:
    shown = line.rstrip("\r\n").rsplit("\r", 1)[-1].replace("\t", "    ")
    return harmless(_COLOUR.sub("", shown), LINE)


def _table(rows: Sequence[tuple[str, str]]) -> list[str]:
    shown = [(_line(key, 60), _line(value)) for key, value in rows]
    room = max((len(key) for key, _ in shown), default=0)
    return [f"  {key:<{room}}  {value}".rstrip() for key, value in shown]


def _html(text: str) -> str:
    return html.escape(_line(text) if "\n" in text or len(text) > LINE else harmless(text, LINE))


def _html_table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(
        f"<tr><td style='padding:1px 14px 1px 0;color:#57606a'>{_html(key)}</td><td>{_html(value)}</td></tr>"
        for key, value in rows
    )
    return f"<table style='border-collapse:collapse;margin:8px 0'>{cells}</table>"


def _html_commands(commands: Sequence[str]) -> str:
    lines = "<br>".join(f"<code>{_html(command)}</code>" for command in commands)
    return f"<p style='color:#57606a'>To look closer<br>{lines}</p>"


def _page(body: Sequence[str]) -> str:
    style = "font-family:system-ui,sans-serif;font-size:14px;color:#1f2328"
    return f"<!doctype html><html><body style='{style}'>{''.join(body)}</body></html>"
