"""Built-in readers: from the lines of any log to named points.

    reader = make(("regex", r"loss: (?P<loss>{number})"))
    reader.feed(b"loss: 0.25, lr: 1e-3")  ->  [("loss", 0.25, None)]

A reader has
    feed(line)      [(name, value, step or None), ...] of one line (bytes, its end cut off)
    state           what it knows from earlier lines (JSON: the header of a table), None at the beginning
    resume(state)   goes on with what another reader knew
    carries         whether that may be from any line before, not from the first ones only
    finish()        points that it has kept back; nothing more will come

Colours are no part of a line; only a pattern that has `\\x1b` in it sees what a terminal would obey.
Nothing here raises for what a program prints: what cannot be read gives no points.
"""

import json
import re
import warnings

from neronet.wire.printed import INT, NUMBER, asks_for_escapes, is_metric, metric_name, number, plain, text_of

BUILT_INS = ("regex", "keyvalue", "json", "csv", "table")
KEEP = "keep=last"
MAX_PATTERN = 1000  # characters of a user's pattern
MAX_GROUPS = 50
MAX_COLUMNS = 1000
MAX_TEXT = 4096  # bytes of a line that a user's pattern sees
MAX_OBJECT = 64 * 1024  # bytes of a line that is read as an object
MAX_DEPTH = 20  # of objects in objects

# What looks like a date, a time, a version or a hash is no number.
_PAIR = re.compile(
    r"(?<![A-Za-z0-9_./%%])([A-Za-z_][A-Za-z0-9_./%%-]{0,199})[\"']?[ \t]{0,20}[=:][ \t]{0,20}[\"']?(%s)(?![.:-]\d|[A-Za-z]*\d)"
    % NUMBER
)
_WRAPPED = re.compile(
    r"\b[A-Za-z_][\w.]{0,60}\((%s)(?:,[^()]*)?\)" % NUMBER
)  # np.float64(0.5), tensor(0.5, ...)
_UNQUOTED = re.compile(r"(?<=[\s:,\[])(-?(?:nan|inf))(?=\s*[,}\]])")
CELL = re.compile(r"[^\s|#]+")
_RULE = re.compile(r"[-=+:\s]*\Z")  # the line between a header and its table
# What stands in a table where there is no number, and times of day or of a clock.
_NO_VALUE = re.compile(r"(?:-+|n/?a|none|null|\d+(?::\d\d)+(?:\.\d+)?)\Z", re.IGNORECASE)


def is_rule(line):
    """Whether a line is the one between a header and its table."""
    return bool(line.strip()) and _RULE.match(line) is not None


def make(arguments):
    """A new reader for `regex PATTERN NAMES...`, `keyvalue`, `json`, `csv` or `table`; raises ValueError (a sentence).

    After `keyvalue`, `json` and `table` names may follow: only those are metrics; after `csv` they are the columns.
    `step=NAME` says which one is the step, if not the one that is called `step`.
    """
    kind = arguments[0] if arguments else ""
    if kind not in _READERS:
        raise ValueError("there is no reader %r: there are %s" % (kind, ", ".join(BUILT_INS)))
    return _READERS[kind](list(arguments[1:]))


def _columns(words):
    """(names, name of the step in small letters) of the words after a reader."""
    steps = [word[len("step=") :] for word in words if word.startswith("step=")]
    names = [word for word in words if not word.startswith("step=")]
    for name in names:
        if not is_metric(name):
            raise ValueError("%r cannot be the name of a metric" % name[:60])
    if len(steps) > 1 or "" in steps:
        raise ValueError("step= names one column, as in step=epoch")
    return names, (steps or ["step"])[0].lower()


def _finite(value):
    """A number that can be a step, else None."""
    return value if value is not None and abs(value) < 1e300 else None


def _text(line, limit):
    return _cut(plain(line), limit)


def _cut(line, limit):
    return text_of(line) if len(line) <= limit else line[:limit].decode("utf-8", "replace")


class _Reader(object):
    state = None
    carries = False

    def resume(self, state):
        """Goes on where a reader with this `state` ended."""

    def finish(self):
        return []


class Regex(_Reader):
    """Every match of a pattern in a line; its groups are metrics, `{number}` and `{int}` stand for numbers.

    A match that has a step and no metric is the step of those behind it that have none: `Epoch ({int})|loss: ({number})`.
    With `keep=last` only the last one of the matches in a row that have the same step counts, as bars are drawn again.
    """

    def __init__(self, words):
        if not words:
            raise ValueError("regex needs a pattern, as in regex 'loss: (?P<loss>{number})'")
        self._names, self._pattern = {}, _compiled(words[0])
        self._written, self._as_it_is = words[0], asks_for_escapes(words[0])
        named = {index: name for name, index in self._pattern.groupindex.items()}
        given = [word for word in words[1:] if word != KEEP]
        self._keeps = KEEP in words[1:]
        self._last, self._kept = (
            None,
            {},
        )  # the step that stood alone; name: [value, step] of what is kept back
        for index in range(1, self._pattern.groups + 1):
            if index not in named and not given:
                raise ValueError(
                    "group %d of the pattern has no name: write (?P<name>...), a name after the pattern,"
                    " or (?:...) where it is no metric" % index
                )
            name = named[index] if index in named else given.pop(0)
            if not is_metric(name):
                raise ValueError("%r cannot be the name of a metric" % name[:60])
            self._names[index] = name
        if given:
            raise ValueError("there are more names than groups without a name: %s" % " ".join(given)[:60])
        self._steps = [index for index, name in self._names.items() if name == "step"]
        for index in self._steps:
            del self._names[index]
        if not self._names:
            raise ValueError("the pattern has no group for a metric, as in (?P<loss>{number})")
        if self._keeps and not self._steps:
            raise ValueError("%s needs a group for the step, as in (?P<step>{int})" % KEEP)

    @property
    def state(self):
        return [self._last, self._kept] if self._kept or self._last is not None else None

    @property
    def carries(self):
        return self._keeps or (bool(self._steps) and ("|" in self._written or ")?" in self._written))

    def resume(self, state):
        self._last, self._kept = state

    def finish(self):
        found = [(name, value, step) for name, (value, step) in self._kept.items()]
        self._kept = {}
        return found

    def feed(self, line):
        found = []
        if not self._as_it_is:
            line = plain(line)
        whole = _cut(line, MAX_TEXT)
        for match in self._pattern.finditer(whole):
            step, bare = self._last, True
            for index in self._steps:
                if match.group(index) is not None:
                    step = _finite(number(match.group(index), whole))
            if self._keeps and any(kept[1] != step for kept in self._kept.values()):
                found += self.finish()
            for index, name in self._names.items():
                text = match.group(index)
                if text is not None:
                    bare = False
                    value = number(text, whole)
                    if value is not None and self._keeps and step is not None:
                        self._kept = dict(self._kept, **{name: [value, step]})
                    elif value is not None:
                        found.append((name, value, step))
            if bare:
                self._last = step
            if len(found) >= MAX_COLUMNS:
                break
        return found


def _compiled(text):
    if len(text) > MAX_PATTERN:
        raise ValueError("the pattern has more than %d characters" % MAX_PATTERN)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # As it was written first: so the position in the message is one that the user can count.
            shape = "(?:%s)" if re.compile(text).groups else "(%s)"
            pattern = re.compile(text.replace("{number}", shape % NUMBER).replace("{int}", shape % INT))
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError("the pattern cannot be read: %s" % error)
    if pattern.groups > MAX_GROUPS:
        raise ValueError("the pattern has more than %d groups" % MAX_GROUPS)
    return pattern


class _Named(_Reader):
    """Gives points of (name, number) pairs, where one of them may be the step."""

    def __init__(self, words):
        names, self._step = _columns(words)
        self._wanted = frozenset(names)

    def _pairs(self, pairs):
        step, found = None, []
        for name, value in pairs:
            if name.lower() == self._step:
                step = _finite(value)
            elif not self._wanted or name in self._wanted:
                found.append((name, value))
        return [(name, value, step) for name, value in found]


class KeyValue(_Named):
    """`loss=0.3 acc: 0.9 lr = 1e-3`, wherever it stands in a line."""

    def feed(self, line):
        if b"=" not in line and b":" not in line:
            return []
        whole = _text(line, MAX_TEXT)
        pairs = ((name, number(text, whole)) for name, text in _PAIR.findall(whole))
        return self._pairs([pair for pair in pairs if pair[1] is not None])


class Json(_Named):
    """An object in a line: JSON, or a dict as Python prints it; nested keys are joined by a dot."""

    def feed(self, line):
        line = plain(line)
        first, last = line.find(b"{"), line.rfind(b"}")
        if not 0 <= first < last or last - first >= MAX_OBJECT:
            return []
        pairs = []
        _flatten("", _object(text_of(line[first : last + 1])), pairs, 0)
        return self._pairs(pairs)


def _object(text):
    """The object that a text is, {} where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if text.count("{") + text.count("[") + text.count("(") > 200 or len(text) > MAX_OBJECT // 4:
        return {}
    import ast  # few programs print so, and each kid would pay for it

    text = _UNQUOTED.sub(r"'\1'", _WRAPPED.sub(r"\1", text))
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return {}


def _flatten(prefix, value, pairs, depth):
    if isinstance(value, dict) and depth < MAX_DEPTH and len(pairs) < MAX_COLUMNS:
        for key, inner in value.items():
            _flatten("%s.%s" % (prefix, key) if prefix else str(key), inner, pairs, depth + 1)
        return
    if isinstance(value, str):
        value = number(value) if len(value) <= 40 else None  # some libraries print their numbers in quotes
    name = metric_name(prefix)
    if name is not None and type(value) in (int, float):
        try:
            pairs.append((name, float(value)))
        except OverflowError:
            pass


class Csv(_Named):
    """Columns between `,` `;` tabs or blanks; their names are the first line, unless they are given.

    A line of other words later is a new heading, one that begins with `#` or has no separator is a remark.
    """

    def __init__(self, words):
        names, self._step = _columns(words)
        self._wanted = frozenset()
        self._given = names
        self._names, self._separator, self._rows = names, None, False

    @property
    def state(self):
        return None if self._separator is None else [self._names, self._separator, self._rows]

    def resume(self, state):
        self._names, self._separator, self._rows = state

    def feed(self, line):
        whole = _text(line, MAX_OBJECT)
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


class Table(_Named):
    """Tables aligned with blanks anywhere in a log: a line of headings right above lines of as many numbers.

    Where `step=NAME` is said, and a table has no such column, a column's first number belongs to the last step that
    another table said; further ones belong to none and are left out, as the averages of GROMACS.
    """

    def __init__(self, words):
        _Named.__init__(self, words)
        self.carries = any(word.startswith("step=") for word in words)
        self._names, self._head, self._last, self._used = [], "", None, []

    @property
    def state(self):
        known = [self._names, self._head, self._last, self._used]
        return known if any(known) or self._last is not None else None

    def resume(self, state):
        self._names, self._head, self._last, self._used = state

    def feed(self, line):
        text = _text(line, MAX_OBJECT)
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
        found = _Named._pairs(self, pairs)
        steps = [value for name, value in pairs if name.lower() == self._step]
        if not self.carries or (self._last is None and not steps):
            return found
        if steps:
            self._last, self._used = _finite(steps[-1]), []
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


_READERS = {"regex": Regex, "keyvalue": KeyValue, "json": Json, "csv": Csv, "table": Table}
