"""Numbers that the words before them tell: patterns for the regex reader.  Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from neronet.extract import words
from neronet.extract.above import with_step_above
from neronet.extract.bars import complete, once
from neronet.extract.headings import heading_of
from neronet.extract.trial import Place, Proposal, Trial, proposal_of, trial_of
from neronet.extract.words import Label, Piece
from neronet.wire import printed

_AFTER = re.compile(
    r"(?i)(?:epoch|step|iteration|iter|round|episode|generation)s?\b"
)  # counts also behind a number
_SIGN = re.compile(r"[|,;] +$")
GROUP = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)


def labelled(place: Place) -> Proposal | None:
    """The words before the number, and what they need besides to mean only its likes."""
    found = words.label(place.line, place.start)
    if found is None or not (place.name or found.name) or _is_mark(place, found):
        return None
    bar = complete(place)
    return (bar and _behind(place, found, bar)) or _behind(place, found, None)


def _is_mark(place: Place, found: Label) -> bool:
    """Whether a letter only marks a row of a table whose columns have headings."""
    if found.end - found.start > 1 or place.line[: found.start].strip():
        return False
    column = words.numbers(place.line).index((place.start, place.end))
    return bool(heading_of(place.lines, place.index, column))


def _behind(place: Place, found: Label, bar: Piece | None) -> Proposal | None:
    """A number behind these words; `bar`: where a progress bar is complete, too."""
    name = place.name or _headed(place, found) or _named(place, found)
    core = _core(place, found, name)
    fixed = [piece for piece in (bar, core) if piece is not None]
    base = _try(place, name, fixed)
    if base is None:
        return None
    if sign := _sign(place, found, base):
        core = _core(place, found, name, before=sign)
        fixed = [piece for piece in (bar, core) if piece is not None]
        base = _try(place, name, fixed) or base
    step = _counted(place, bar, fixed, base)
    counted = _with(place, name, step, fixed) if step else None
    sure = counted and len(counted.matches) == len(base.matches) > 2 and counted.counts(strictly=True)
    for piece in [] if sure else words.context(place.line, found.start):
        if bar is not None and piece.start < bar.end:
            continue
        if _tells(place, piece, _with(place, name, step, fixed) or base):
            word = place.line[piece.start : piece.end]
            if not words.is_counter(word):
                name = place.name or words.name_of(f"{word} {found.name.replace('_', ' ')}")
            core = _core(place, found, name, before=sign)
            fixed = [each for each in (bar, piece, core) if each is not None]
            base = _try(place, name, fixed) or base
            step = _counted(place, bar, fixed, base)
            break
    trial = _with(place, name, step, fixed)
    if trial is None and (first := _first(place, found)):
        trial, step = _row_step(place, found, name, fixed), first
    said, above = _said(place, step) if step and trial else "", None
    if trial is None and (above := with_step_above(place, base)):
        said, trial = above
    if trial is not None and (bar or above):
        trial = once(place, trial, above is not None)
    where = "of a line above" if above else ""
    return proposal_of(place, trial or base, said, _what(place, found, bar), where)


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
    heading = heading_of(place.lines, place.index, column, tagged=True)
    is_tag = place.line[found.end :].startswith(":")
    return heading if is_tag or not heading else f"{found.name}_{heading}"


def _with(place: Place, name: str, step: Piece | None, fixed: Sequence[Piece]) -> Trial | None:
    return _try(place, name, [step, *fixed]) if step else None


def _sign(place: Place, found: Label, base: Trial) -> str:
    """The sign right before the words, where others that it does not stand before are the end of longer names:
    `| loss 0.5` beside `| valid loss 0.6`."""
    match = _SIGN.search(place.line, 0, found.start)
    if match is None:
        return ""
    label = words.escaped(place.line[found.start : found.end])
    mine, longer = re.compile(words.escaped(match[0]) + label), re.compile(rf"[^\W\d]+ {label}")
    others = [place.lines[index] for index in base.lines if not mine.search(place.lines[index])]
    return match[0] if others and all(longer.search(line) for line in others) else ""


def _tells(place: Place, piece: Piece, trial: Trial) -> bool:
    """Whether a word tells the pointed line and its likes from others with the same words around the number: these
    are another thing's numbers.  A word that every line has another one of is no such sign."""
    pattern = re.compile(piece.pattern)
    others = [index for index in trial.lines if not pattern.search(place.lines[index])]
    return bool(others) and (len(trial.lines) - len(others) > 1 or len(others) < 3)


def _named(place: Place, found: Label) -> str:
    unit = words.name_of(words.unit(place.line, place.end).strip())
    if unit and found.name.endswith("_in"):  # `14 cycles in 85.5 s`
        return f"{found.name[:-3]}_{unit}"
    return found.name + _kind(place, found)


def _kind(place: Place, found: Label) -> str:
    """The unit, as a part of the name, of a number behind the one that its words name: `loss = 0.3 (12 s)`."""
    unit = words.unit(place.line, place.end).strip()
    behind = any(found.end <= start for start, _ in words.numbers(place.line[: place.start]))
    counting = any(piece.start >= found.end for piece in words.counters(place.line[: place.start]))
    return f"_{words.name_of(unit)}" if behind and not counting and unit not in ("", "%") else ""


def _what(place: Place, found: Label, bar: Piece | None) -> str:
    text = f"the number behind {place.line[found.start : found.end]!r}"
    return f"{text} where a progress bar is complete" if bar else text


def _core(place: Place, found: Label, name: str, first: str = "", before: str = "") -> Piece:
    """The name, the number and its unit; `first`: the pattern for the first of the numbers between them, `before`:
    a sign right before the name."""
    line = place.line
    unit = words.unit(line, place.end)
    label = line[found.start : found.end]
    between = words.between(line[found.end : place.start])
    if first:
        between = between.replace("{number}", first, 1)
    pattern = (
        (words.escaped(before) or ("" if " " in label else words.BEFORE))
        + words.escaped(label)
        + between
        + group(name)
        + words.escaped(unit)
    )
    return Piece(found.start - len(before), place.end + len(unit), pattern)


def group(name: str) -> str:
    return f"(?P<{name}>{{number}})" if GROUP.match(name) else "({number})"


def _try(place: Place, name: str, pieces: Sequence[Piece]) -> Trial | None:
    """The trial of these pieces in their order; None when that does not find the number."""
    names = [] if GROUP.match(name) else [name]
    ordered = sorted(pieces)
    if any(before.end > after.start for before, after in itertools.pairwise(ordered)):
        return None
    pattern = ordered[0].pattern
    coloured = any(printed.asks_for_escapes(piece.pattern) for piece in pieces)
    for before, after in itertools.pairwise(ordered):
        gap = place.line[before.end : after.start]
        if not coloured and re.fullmatch(r"[\])}:,;|\s-]{0,4}", gap):
            pattern = pattern.removesuffix(words.BEHIND) + words.escaped(gap)
            pattern += after.pattern.removeprefix(words.BEFORE)
        else:
            pattern += ".*?" + after.pattern
    return trial_of(place, name, ["regex", pattern, *names])


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
            if trial.counts(strictly) or (bar and not strictly and trial.grows(redrawn=True)):
                return piece
    for piece in words.whole_numbers(place.line[: place.start]):
        trial = _try(place, base.name, [piece, *fixed])
        if trial and 2 < len(trial.matches) == len(base.matches) and trial.counts(strictly=True):
            return piece
    return None


def _said(place: Place, step: Piece) -> str:
    return place.line[step.start : step.end].strip(" \t[](){}:=,")
