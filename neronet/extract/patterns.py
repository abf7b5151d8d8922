"""Numbers that the words around them, or their places in the line, tell: patterns for the regex reader.  Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from neronet.errors import InputError
from neronet.extract import words
from neronet.extract.trial import WINDOW, Place, Proposal, Trial, proposal_of
from neronet.extract.words import Label, Piece
from neronet.wire import readers

_AFTER = re.compile(
    r"(?i)(?:epoch|step|iteration|iter|round|episode|generation)\b"
)  # counts also behind a number
_GROUP = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)


def labelled(place: Place) -> Proposal | None:
    """The words before the number, and what they need besides to mean only its likes."""
    found = words.label(place.line, place.start)
    if found is None or not (place.name or found.name):
        return None
    bar = _complete(place)
    return (bar and _behind(place, found, bar)) or _behind(place, found, None)


def _behind(place: Place, found: Label, bar: Piece | None) -> Proposal | None:
    """A number behind these words; `bar`: where a progress bar is complete, too."""
    name = place.name or _headed(place, found) or found.name + _kind(place, found)
    core = _core(place, found, name)
    fixed = [piece for piece in (bar, core) if piece is not None]
    base = _try(place, name, fixed)
    if base is None:
        return None
    step = _counted(place, bar, fixed, base)
    for piece in words.context(place.line, found.start):
        if bar is not None and piece.start < bar.end:
            continue
        if _tells(place, piece, _with(place, name, step, fixed) or base):
            word = place.line[piece.start : piece.end]
            name = place.name or words.name_of(f"{word} {found.name.replace('_', ' ')}")
            fixed = [each for each in (bar, piece, _core(place, found, name)) if each is not None]
            base = _try(place, name, fixed) or base
            step = _counted(place, bar, fixed, base)
            break
    trial = _with(place, name, step, fixed)
    if trial is None and (first := _first(place, found)):
        trial, step = _row_step(place, found, name, fixed), first
    return proposal_of(
        place, trial or base, _said(place, step) if step and trial else "", _what(place, found, bar)
    )


def _row(place: Place, found: Label) -> list[tuple[int, int]]:
    """The numbers between the words and the one that is pointed at, where nothing but blanks is between them."""
    between = [span for span in words.numbers(place.line) if found.end <= span[0] < place.start]
    ends = [found.end, *itertools.chain(*between), place.start]
    gaps = (place.line[before:after] for before, after in zip(ends[::2], ends[1::2], strict=True))
    return [] if any(gap.strip(" \t:|") for gap in gaps) else between


def _first(place: Place, found: Label) -> Piece | None:
    """The number right behind the words of a row, which may count its likes: `ENERGY:  100  2.5  3.5`."""
    between = _row(place, found)
    whole = between and place.line[slice(*between[0])].isdigit()
    return Piece(found.start, between[0][1], "") if whole else None


def _row_step(place: Place, found: Label, name: str, fixed: Sequence[Piece]) -> Trial | None:
    before = [piece for piece in fixed if piece.start < found.start]
    trial = _try(place, name, [*before, _core(place, found, name, "(?P<step>{int})")])
    return trial if trial and len(trial.matches) > 2 and trial.counts(strictly=True) else None


def _headed(place: Place, found: Label) -> str:
    """The name of a column for a row of numbers behind a word: `macro avg  0.97  0.96`, `ENERGY:  100  2.5`."""
    if not _row(place, found):
        return ""
    column = words.numbers(place.line).index((place.start, place.end))
    heading = _heading(place.lines, place.index, column, tagged=True)
    is_tag = place.line[found.end :].startswith(":")
    return heading if is_tag or not heading else f"{found.name}_{heading}"


def _with(place: Place, name: str, step: Piece | None, fixed: Sequence[Piece]) -> Trial | None:
    return _try(place, name, [step, *fixed]) if step else None


def _tells(place: Place, piece: Piece, trial: Trial) -> bool:
    """Whether a word tells the pointed line and its likes from others with the same words around the number: these
    are another thing's numbers.  A word that every line has another one of is no such sign."""
    pattern = re.compile(piece.pattern)
    others = [index for index in trial.lines if not pattern.search(place.lines[index])]
    return bool(others) and (len(trial.lines) - len(others) > 1 or len(others) < 3)


def _kind(place: Place, found: Label) -> str:
    """The unit, as a part of the name, of a number behind the one that its words name: `loss = 0.3 (12 s)`."""
    unit = words.unit(place.line, place.end).strip()
    behind = any(found.end <= start for start, _ in words.numbers(place.line[: place.start]))
    counting = any(piece.start >= found.end for piece in words.counters(place.line[: place.start]))
    return f"_{words.name_of(unit)}" if behind and not counting and unit not in ("", "%") else ""


def _what(place: Place, found: Label, bar: Piece | None) -> str:
    text = f"the number behind {place.line[found.start : found.end]!r}"
    return f"{text} where a progress bar is complete" if bar else text


def _core(place: Place, found: Label, name: str, first: str = "") -> Piece:
    """The name, the number and its unit; `first`: the pattern for the first of the numbers between them."""
    line = place.line
    unit = words.unit(line, place.end)
    label = line[found.start : found.end]
    between = words.between(line[found.end : place.start])
    if first:
        between = between.replace("{number}", first, 1)
    pattern = (
        ("" if " " in label else words.BEFORE)
        + words.escaped(label)
        + between
        + _group(name)
        + words.escaped(unit)
    )
    return Piece(found.start, place.end + len(unit), pattern)


def _group(name: str) -> str:
    return f"(?P<{name}>{{number}})" if _GROUP.match(name) else "({number})"


def _try(place: Place, name: str, pieces: Sequence[Piece]) -> Trial | None:
    """The trial of these pieces in their order; None when that does not find the number."""
    names = [] if _GROUP.match(name) else [name]
    ordered = sorted(pieces)
    if any(before.end > after.start for before, after in itertools.pairwise(ordered)):
        return None
    pattern = ordered[0].pattern
    coloured = any(readers.asks_for_escapes(piece.pattern) for piece in pieces)
    for before, after in itertools.pairwise(ordered):
        gap = place.line[before.end : after.start]
        if not coloured and re.fullmatch(r"[\])}:,;|\s-]{0,4}", gap):
            pattern = pattern.removesuffix(words.BEHIND) + words.escaped(gap)
            pattern += after.pattern.removeprefix(words.BEFORE)
        else:
            pattern += ".*?" + after.pattern
    try:
        trial = Trial(place, name, ["regex", pattern, *names])
    except ValueError:  # a pattern of more than 1,000 characters
        return None
    return trial if trial.hits else None


def _counted(place: Place, bar: Piece | None, fixed: Sequence[Piece], base: Trial) -> Piece | None:
    """What counts the matches, where something does."""
    trials: list[tuple[Piece, Trial]] = []
    for piece in words.counters(place.line):
        text = place.line[piece.start : piece.end]
        if piece.start > place.end and not _AFTER.match(text):
            continue
        if bar is not None and "/" in text and piece.start > bar.start - 12:
            continue  # n/n of the bar itself
        trial = _try(place, base.name, [piece, *fixed])
        if trial is not None and 2 * len(trial.matches) >= len(base.matches):
            trials.append((piece, trial))
    for strictly in (True, False):
        for piece, trial in trials:
            if trial.counts(strictly):
                return piece
    for piece in words.whole_numbers(place.line[: place.start]):
        trial = _try(place, base.name, [piece, *fixed])
        if trial and 2 < len(trial.matches) == len(base.matches) and trial.counts(strictly=True):
            return piece
    return None


def _said(place: Place, step: Piece) -> str:
    return place.line[step.start : step.end].strip(" \t[](){}:=,")


def _complete(place: Place) -> Piece | None:
    """The sign of a complete progress bar, where there is a bar for each step: the updates before are left out."""
    bar = words.full_bar(place.raw[place.index])
    if bar is None:
        return None
    pattern = re.compile(bar.pattern)
    lines = place.raw if readers.asks_for_escapes(bar.pattern) else place.lines
    full = [i for i, line in enumerate(lines) if pattern.search(line)]
    starts = sum(after - before > 1 for before, after in itertools.pairwise(full))
    epochs = re.compile(r"(?i)\bepoch\b")
    return bar if starts or any(epochs.search(line) for line in place.lines[: place.index + 1]) else None


def positional(place: Place) -> Proposal | None:
    """A number that only its place in the line tells: the words behind it, or the column that it is in."""
    line = place.line
    spans = words.numbers(line)
    if (place.start, place.end) not in spans:
        return None
    column = spans.index((place.start, place.end))
    heading = _heading(place.lines, place.index, column)
    unit = words.unit(line, place.end) or words.unit(line, place.end + 1)
    name = place.name or heading or words.name_of(unit.strip()) or f"column_{column + 1}"
    head = "^ *" + words.template(line[: place.start].lstrip(" ")).replace("\\t", r"[ \t]+")
    rest = re.sub(
        r"(\{number\})(?:[A-Za-z%]+)?", r"\1[A-Za-z%]*", words.template(line[place.end :].rstrip(" "))
    )
    names = [] if _GROUP.match(name) else [name]
    trials = []
    counted = [piece for piece in words.counters(line) if piece.start <= spans[0][0]]
    for count in [*range(min(2, column) if counted else 0), None]:
        if count is not None and not line[slice(*spans[count])].isdigit():
            continue
        pattern = f"{_with_step(head, count)}{_group(name)}{rest} *$"
        try:
            trial = Trial(place, name, ["regex", pattern, *names])
        except ValueError:
            continue
        if trial.hits:
            trials.append((count, trial))
    counting = [(count, trial) for count, trial in trials if count is not None and trial.counts()]
    growing = [(count, trial) for count, trial in counting if trial.counts(strictly=True)]
    for count, trial in [*growing, *counting, *trials[-1:]]:
        others = {_heading(place.lines, index, column) for index in trial.lines} - {heading, ""}
        if heading and others:
            raise InputError(
                f"{heading} stands in lines of the same form as {', '.join(sorted(others)[:3])}: no pattern "
                "tells them apart",
                "write a processor of your own, which remembers the line above, or print NAME VALUE",
            )
        what = f"number {column + 1} of lines like {line.strip()[:40]!r}"
        said = "" if count is None else ("the number at the beginning", "the second number")[count]
        return proposal_of(place, trial, said, what)
    return None


def _with_step(head: str, count: int | None) -> str:
    """A pattern of numbers of which the one in this place is the step."""
    if count is None:
        return head
    parts = head.split("{number}")
    return "{number}".join(parts[: count + 1]) + "(?P<step>{int})" + "{number}".join(parts[count + 1 :])


def _heading(lines: Sequence[str], index: int, column: int, tagged: bool = False) -> str:
    """The name of a column by the line above its table, whose headings may have blanks; "" when there is none.
    `tagged`: its rows begin with a word, which may have a heading, too, and lines of others may stand between them.
    """
    row = lines[index]
    spans = words.numbers(row)
    far = False  # other lines stand between: only a heading with a tag of its own is one, as `ETITLE:  TS  BOND`
    for above in range(index - 1, max(-1, index - WINDOW), -1):
        head = lines[above]
        if not head.strip() or readers.is_rule(head):
            continue
        if words.numbers(head):
            if len(words.numbers(head)) == len(spans):
                continue  # another row of the table
            if not tagged:
                return ""
            far = True
            continue
        if separator := next((sign for sign in ",;" if row.count(sign) == len(spans) - 1 > 0), ""):
            cells = [cell.strip(' "#') for cell in head.split(separator)]
        elif len(head.rstrip()) in (len(row.rstrip()), len(row.rstrip()) - 1):  # aligned at the right
            ends = [0, *(end + len(words.unit(row, end)) for _, end in spans)]
            cells = [head[start:end].strip() for start, end in itertools.pairwise(ends)]
        else:
            cells = [cell for cell in re.split(r"\s{2,}|\t|\|", head.strip()) if cell]
        if tagged and len(cells) == len(spans) + 1 and (not far or cells[0].endswith(":")):
            return words.name_of(cells[column + 1])
        if not far and len(cells) == len(spans) > 1 and all(cells):
            return words.name_of(cells[column])
        if not tagged:
            return ""
        far = True
    return ""
