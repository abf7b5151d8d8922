"""Readers of tables: CSV, and columns aligned with blanks under headings."""

import re

from neronet.wire.named import MAX_COLUMNS, MAX_OBJECT, Named, columns, finite, text_within
from neronet.wire.printed import metric_name, number

CELL = re.compile(r"[^\s|#]+")
_RULE = re.compile(r"[-=+:\s]*\Z")  # the line between a header and its table
# What stands in a table where there is no number, and times of day or of a clock.
_NO_VALUE = re.compile(r"(?:-+|n/?a|none|null|\d+(?::\d\d)+(?:\.\d+)?)\Z", re.IGNORECASE)


class Csv(Named):
    """Columns between `,` `;` tabs or blanks; their names are the first line, unless they are given.

    A line of other words later is a new heading, one that begins with `#` or has no separator is a remark.
    """

    def __init__(self, words):
        names, self._step = columns(words)
        self._wanted = frozenset()
        self._given = names
        self._names, self._separator, self._rows = names, None, False

    @property
    def state(self):
        return None if self._separator is None else [self._names, self._separator, self._rows]

    def resume(self, state):
        self._names, self._separator, self._rows = state

    def feed(self, line):
        whole = text_within(line, MAX_OBJECT)
        text = whole.lstrip("\ufeff# ").rstrip()
        if not text or (self._rows and whole.startswith("#")):
            return []
        separator = next((each for each in "\t;," if each in text), " ")
        cells = _cells(text, self._separator or separator)
        values = [number(cell, text) for cell in cells]
        if any(value is not None for value in values):
            if whole.startswith("#"):
                return []
            self._separator, self._rows = self._separator or separator, True
            if not self._names:
                self._names = ["column_%d" % (position + 1) for position in range(len(cells))]
        elif not self._given and not (self._rows and separator != self._separator):
            cells = _cells(text, separator)
            self._names = [metric_name(cell) or "column_%d" % (n + 1) for n, cell in enumerate(cells)]
            self._separator = separator
        return self._pairs([pair for pair in zip(self._names, values) if pair[1] is not None])


def _cells(text, separator):
    if separator == " ":
        return text.split()[:MAX_COLUMNS]
    if '"' not in text:
        return [cell.strip() for cell in text.split(separator)[:MAX_COLUMNS]]
    import csv  # cells in quotes are rare

    try:
        row = next(csv.reader([text], delimiter=separator, skipinitialspace=True))
    except (csv.Error, StopIteration):
        return []
    return [cell.strip() for cell in row[:MAX_COLUMNS]]


class Table(Named):
    """Tables aligned with blanks anywhere in a log: a line of headings right above lines of as many numbers.

    Where `step=NAME` is said, and a table has no such column, a column's first number belongs to the last step that
    another table said; further ones belong to none and are left out, as the averages of GROMACS.
    """

    def __init__(self, words):
        Named.__init__(self, words)
        self.carries = any(word.startswith("step=") for word in words)
        self._names, self._head, self._last, self._used = [], "", None, []

    @property
    def state(self):
        known = [self._names, self._head, self._last, self._used]
        return known if any(known) or self._last is not None else None

    def resume(self, state):
        self._names, self._head, self._last, self._used = state

    def feed(self, line):
        text = text_within(line, MAX_OBJECT)
        cells = cells_of(text)
        if _RULE.match(text.replace("|", " ")):
            return []
        head, self._head = self._head, ""
        if len(cells) < 2:
            return []
        values = [number(cell, text) for cell in cells]
        if not any(value is not None for value in values):
            self._head = text
            return []
        if any(value is None and not _NO_VALUE.match(cell) for cell, value in zip(cells, values)):
            return []
        above = headings(head, text)
        if above:
            self._names = [metric_name(each) or "" for each in above]
        else:
            self._head = head  # of a row that is longer than the first one
        if len(self._names) != len(cells):
            return []
        return self._pairs([pair for pair in zip(self._names, values) if pair[0] and pair[1] is not None])

    def _pairs(self, pairs):
        found = Named._pairs(self, pairs)
        steps = [value for name, value in pairs if name.lower() == self._step]
        if not self.carries or (self._last is None and not steps):
            return found
        if steps:
            self._last, self._used = finite(steps[-1]), []
            return found
        found = [(name, value, self._last) for name, value, _ in found if name not in self._used]
        self._used = self._used + [name for name, _, _ in found]
        return found


def cells_of(text):
    """What stands between the blanks and strokes of a line."""
    return text.lstrip("# ").replace("|", " ").split()[:MAX_COLUMNS]


def headings(head, row):
    """The headings of a row's cells in the line above: as many words, or words that end above the ends of the cells
    (`Coulomb (SR)`); [] where there are none."""
    words, cells = cells_of(head), [match.end() for match in CELL.finditer(row)]
    if len(words) <= len(cells):
        return words if len(words) == len(cells) else []
    found, start = [], 0
    for end in cells:
        if head[end - 1 : end].strip() == "" or head[end : end + 1].strip():
            return []
        found.append(head[start:end].strip())
        start = end
    return [] if head[start:].strip() else found
