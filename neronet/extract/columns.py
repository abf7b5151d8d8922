"""Numbers that only their places in the line tell: patterns for the regex reader.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from neronet.errors import InputError
from neronet.extract import words
from neronet.extract.above import with_step_above
from neronet.extract.bars import complete
from neronet.extract.headings import heading_of
from neronet.extract.patterns import GROUP, group
from neronet.extract.trial import Place, Proposal, Trial, proposal_of, trial_of

Span = tuple[int, int]
_ONE_BLANK = re.compile(r"(?<![\[\\]) (?![*+])")
_OPENED = re.compile(r"(\\[(\[])(?: \+)?(?=\{|$)")
_BEFORE_BLANK = re.compile(r"(\{number\}|\{int\}\)) \+")  # a cell may have a mark: `9*`
_BRACKET, _CLOSING = re.compile(r"\\[(\[]"), re.compile(r"\\[)\]]")  # of one kind or the other
_WORD = re.compile(r" *[^\W\d][\w-]* +(?=\d)")
_MARK = re.compile(r" *[^\W\d] ")  # a letter before a row, which other rows may not have


def positional(place: Place) -> Proposal | None:
    """A number that only its place in the line tells: the words behind it, or the column that it is in."""
    line = place.line
    spans = words.numbers(line)
    if (place.start, place.end) not in spans:
        return None
    column = spans.index((place.start, place.end))
    heading = heading_of(place.lines, place.index, column)
    unit = words.noun(line, place.end) or words.unit(line, place.end) or words.unit(line, place.end + 1)
    name = (
        place.name
        or heading
        or words.name_of("percent" if unit.strip() == "%" else unit.strip())
        or f"column_{column + 1}"
    )
    steps = [*_steps(line, spans[:column]), None]
    same = _best(place, name, [(step, _same(place, name, step)) for step in steps])
    if same is None:
        return None
    if same[0] and len(same[1].lines) > 2 and same[1].counts(strictly=True):
        steps = [same[0]]
    likes = _likes(place, name, heading, column, steps, same[1])
    if likes is None and heading and (others := _others(place, same[1], heading, column)):
        raise InputError(
            f"{heading} stands in lines of the same form as {', '.join(sorted(others)[:3])}: no pattern "
            "tells them apart",
            "write a processor of your own, which remembers the line above, or print NAME VALUE",
        )
    step, trial = likes or same
    what = f"number {column + 1} of lines like {line.strip()[:40]!r}"
    if step is None and (above := with_step_above(place, trial)):
        return proposal_of(place, above[1], above[0], what, "of a line above")
    said = "" if step is None else "the number at the beginning" if step == spans[0] else line[slice(*step)]
    return proposal_of(place, trial, said, what)


def _steps(line: str, before: Sequence[Span]) -> Iterator[Span]:
    """What may count the rows: what looks like a count, else one of the first two whole numbers."""
    pieces = words.counters(line)
    named = [next((s for s in before if piece.start <= s[0] < piece.end), None) for piece in pieces]
    whole = [
        span for span in before[:2] if line[slice(*span)].isdigit() and line[span[1] : span[1] + 1] != "%"
    ]
    yield from dict.fromkeys([*(span for span in named if span), *whole])


def _same(place: Place, name: str, step: Span | None) -> str:
    """The pattern of lines that differ from this one only in their numbers."""
    rest = words.template(place.line[place.end :].rstrip(" "))
    rest = re.sub(r"(\{number\})(?:[A-Za-z%]+)?", r"\1[A-Za-z%]*", rest)
    return f"^ *{_head(place, step)}{group(name)}{rest} *$"


def _like(place: Place, name: str, step: Span | None, bar: words.Piece | None) -> str:
    """The pattern of lines that are the same up to the number, and have whatever marks and words behind it."""
    unit = words.escaped(words.unit(place.line, place.end)) or "[A-Za-z%]*"
    rest = r"(?:[ \t|,;:)\]*/].*)?$" if bar is None else rf"[ \t|].*?{bar.pattern}"
    head = _BRACKET.sub(r"[([]", _CLOSING.sub(r"[)\]]", _head(place, step)))
    head = _BEFORE_BLANK.sub(r"\1[*!+]? +", head)
    if mark := _MARK.match(place.line):
        head = "(?:[^\\W\\d] +)?" + head.removeprefix(words.escaped(mark[0].strip())).removeprefix(" +")
    return f"^ *{head}{group(name)}{unit}{rest}"


def _celled(place: Place, name: str, step: Span | None, bar: words.Piece | None) -> str:
    """The pattern of rows of as many cells between `|`, whatever is in the others; "" where there are none."""
    before, cell = place.line[: place.start].rpartition("|")[::2]
    cells = before.split("|")
    if cell.strip() or len(cells) < 2 or bar is not None:
        return ""
    patterns = [r"[^|\n]*"] * len(cells)
    if step is not None:
        count = before[: step[0]].count("|")
        if not cells[count].strip().isdigit():
            return ""
        patterns[count] = " *(?P<step>{int}) *"
    head = re.sub(r"(?:\[\^\|\\n\]\*\\\|){2,}", _repeated, r"\|".join([*patterns, ""]))
    return rf"^{head} *{group(name)}[A-Za-z%]* *(?:\|.*)?$"


def _repeated(match: re.Match[str]) -> str:
    return rf"(?:[^|\n]*\|){{{match[0].count('^')}}}"


def marked(place: Place) -> Proposal | None:
    """A number in a row that begins with a word which is another one in other rows: `SHRINK  12 0.5`, `EXPAND  13 0.4`."""
    mark = _WORD.match(place.line)
    spans = words.numbers(place.line)
    if mark is None or (place.start, place.end) not in spans[1:] or spans[0][0] != mark.end():
        return None
    column = spans.index((place.start, place.end))
    name = place.name or heading_of(place.lines, place.index, column) or f"column_{column + 1}"
    for step in _steps(place.line, spans[:column]):
        head = _head(place, step).removeprefix(words.escaped(mark[0].strip()))
        trial = _try(place, name, rf"^ *[^\W\d][\w-]*{head}{group(name)}[A-Za-z%]*(?: .*)?$")
        if trial and len(trial.matches) > 2 and trial.counts(strictly=True):
            begins = {place.lines[index].split()[0] for index in trial.lines}
            what = f"number {column + 1} of lines that begin with {' or '.join(sorted(begins)[:3])}"
            return proposal_of(place, trial, place.line[slice(*step)], what) if len(begins) > 1 else None
    return None


def _head(place: Place, step: Span | None) -> str:
    """The pattern for what stands before the number, of which one is the step."""
    text = place.line[: place.start].lstrip(" ")
    shift = place.start - len(text)
    if step is None:
        found = words.template(text)
    else:
        first, behind = step[0] - shift, step[1] - shift
        whole = "{int}" if text[first:behind].isdigit() and not text[behind].isalpha() else "{number}"
        found = words.template(text[:first]) + f"(?P<step>{whole})" + words.template(text[behind:])
    return _OPENED.sub(r"\1 *", _ONE_BLANK.sub(" +", found.replace("\\t", r"[ \t]+")))


def _best(
    place: Place, name: str, patterns: Sequence[tuple[Span | None, str]]
) -> tuple[Span | None, Trial] | None:
    """The first of these patterns whose steps always grow, else one whose steps count, else the last."""
    found = []
    for step, pattern in patterns:
        if trial := _try(place, name, pattern):
            if step and trial.counts(strictly=True):
                return step, trial
            found.append((step, trial))
    counting = [each for each in found if each[0] and each[1].counts()]
    return next(iter([*counting, *found[-1:]]), None)


def _likes(
    place: Place, name: str, heading: str, column: int, steps: Sequence[Span | None], same: Trial
) -> tuple[Span | None, Trial] | None:
    """The looser pattern, where something tells that the lines which it finds besides are rows of the same table:
    a step that goes on growing, or the heading above."""
    bar = complete(place)
    bar = bar if bar and bar.start > place.end else None
    accepted = []
    for form in (_like, _celled):
        counts = dict.fromkeys([*steps, None])
        patterns = [(step, pattern) for step in counts if (pattern := form(place, name, step, bar))]
        found = _best(place, name, patterns)
        if found is None or len(found[1].matches) < 3 or not {*same.lines} <= {*found[1].lines}:
            continue
        step, trial = found
        more = len(trial.matches) > len(same.matches)
        alike = heading and (form is _celled or not _others(place, trial, heading, column))
        if (step and trial.grows()) or (more and alike):
            accepted.append(found)
    return max(accepted, key=lambda each: len(each[1].matches), default=None)


def _others(place: Place, trial: Trial, heading: str, column: int) -> set[str]:
    """The headings of the lines found which are not this one."""
    return {heading_of(place.lines, index, column) for index in trial.lines} - {heading, ""}


def _try(place: Place, name: str, pattern: str) -> Trial | None:
    return trial_of(place, name, ["regex", pattern, *([] if GROUP.match(name) else [name])])
