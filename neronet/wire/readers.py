"""Built-in readers: from the lines of any log to named points.

    reader = make(("regex", r"loss: (?P<loss>{number})"))
    reader.feed(b"loss: 0.25, lr: 1e-3")  ->  [("loss", 0.25, None)]

A reader has
    feed(line)      [(name, value, step or None), ...] of one line (bytes, its end cut off)
    state           what it knows from earlier lines (JSON: the header of a table), None at the beginning
    resume(state)   goes on with what another reader knew

Colours are no part of a line; only a pattern that has `\\x1b` in it sees what a terminal would obey.
Nothing here raises for what a program prints: what cannot be read gives no points.
"""

import json
import re
import warnings

BUILT_INS = ("regex", "keyvalue", "json", "csv", "table")
MAX_PATTERN = 1000  # characters of a user's pattern
MAX_GROUPS = 50
MAX_COLUMNS = 1000
MAX_NUMBER = 100  # characters of one with a unit or a comma
MAX_TEXT = 4096  # bytes of a line that a user's pattern sees
MAX_OBJECT = 64 * 1024  # bytes of a line that is read as an object
MAX_DEPTH = 20  # of objects in objects

# Of a comma it is looked first whether there is one: most numbers have none.
_DIGITS = (
    r"(?:(?=[\d.]+,)(?:\d{1,3}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?|\d+,\d+)(?![.,]?\d)"
    r"|\d+(?:\.\d*)?|\.\d+)(?:[eEdD][+-]?\d+)?"
)
_WORDS = r"(?:[nN][aA][nN]|[iI][nN][fF](?:inity)?)(?![A-Za-z])"
_INT = r"[+-]?\d+"
_NUMBER = r"[+\-\u2212]?(?:%s|%s)" % (_DIGITS, _WORDS)

# What a terminal obeys (colours, links, moves of its cursor); it never has the end of a line in it.
ESCAPE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\r\n]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])"
_ESCAPE = re.compile(ESCAPE.encode("ascii"))
_ASKS = re.compile(r"\x1b|\\x1b|\\033", re.IGNORECASE)

_MEASURED = re.compile(r"\s*(%s)\s*(?:%%|[^\W\d_][^\W\d_]{0,9}(?:/[^\W\d_]{1,10})?)?\s*\Z" % _NUMBER)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?\Z")
_EITHER = re.compile(r"[1-9]\d{0,2},\d{3}\Z")
# Numbers in a line whose commas are for decimals beyond doubt.
_DECIMALS = re.compile(
    r"(?:^|[\s=:;|])[+\-\u2212]?(?:0,\d+|\d{4,},\d+|\d{1,3}(?:\.\d{3})+,\d+|\d+,\d+[eE][+-]?\d+)(?![\d.,])"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./%-]{0,199}\Z")
_STRANGE = re.compile(r"[^A-Za-z0-9_./%-]+")
# What looks like a date, a time, a version or a hash is no number.
_PAIR = re.compile(
    r"(?<![A-Za-z0-9_./%%])([A-Za-z_][A-Za-z0-9_./%%-]{0,199})[\"']?[ \t]{0,20}[=:][ \t]{0,20}[\"']?(%s)(?![.:-]\d|[A-Za-z]*\d)"
    % _NUMBER
)
_WRAPPED = re.compile(
    r"\b[A-Za-z_][\w.]{0,60}\((%s)(?:,[^()]*)?\)" % _NUMBER
)  # np.float64(0.5), tensor(0.5, ...)
_UNQUOTED = re.compile(r"(?<=[\s:,\[])(-?(?:nan|inf))(?=\s*[,}\]])")
_RULE = re.compile(r"[-=+:\s]*\Z")  # the line between a header and its table
# What stands in a table where there is no number, and times of day or of a clock.
_NO_VALUE = re.compile(r"(?:-+|n/?a|none|null|\d+(?::\d\d)+(?:\.\d+)?)\Z", re.IGNORECASE)


def number(text, line=""):
    """The number that a text is, else None: `1e-3`, `.5`, `nan`, `1,234.5`, `0,25`, `87.5%`, `12.3s`, `1.0D-3`.

    A unit is dropped.  `0,25`, `12,5`, `1,234e-3` and `1.234,5` have a comma for decimals; `1,234` has one for thousands,
    unless others in its line are for decimals beyond doubt.
    """
    try:
        return float(text)
    except ValueError:
        match = _MEASURED.match(text) if len(text) <= MAX_NUMBER else None
    if match is None:
        return None
    digits = match.group(1).replace("\u2212", "-").lower().replace("d", "e")
    sign = digits[0] if digits[0] in "+-" else ""
    mantissa, exponent, power = digits[len(sign) :].partition("e")
    if _THOUSANDS.match(mantissa) and not (_EITHER.match(mantissa) and (power or _DECIMALS.search(line))):
        mantissa = mantissa.replace(",", "")
    elif "," in mantissa:
        mantissa = mantissa.replace(".", "").replace(",", ".")
    try:
        return float(sign + mantissa + exponent + power)
    except ValueError:
        return None


def is_metric(name):
    return isinstance(name, str) and _NAME.match(name) is not None


def metric_name(text):
    """The name of a metric for any heading: `Val Acc (%)` becomes `Val_Acc_%`; None where nothing is left."""
    if _NAME.match(text):
        return text
    name = _STRANGE.sub("_", text).strip("_")
    if not name:
        return None
    return (name if name[0].isalpha() else "_" + name)[:200]


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
        if not _NAME.match(name):
            raise ValueError("%r cannot be the name of a metric" % name[:60])
    if len(steps) > 1 or "" in steps:
        raise ValueError("step= names one column, as in step=epoch")
    return names, (steps or ["step"])[0].lower()


def _finite(value):
    """A number that can be a step, else None."""
    return value if value is not None and abs(value) < 1e300 else None


def plain(line):
    """A line, or a whole log, without what a terminal obeys."""
    return _ESCAPE.sub(b"", line) if b"\x1b" in line else line


def asks_for_escapes(pattern):
    """Whether a pattern is for lines as they are, with all that a terminal obeys."""
    return _ASKS.search(pattern) is not None


def _text(line, limit):
    return plain(line)[:limit].decode("utf-8", "replace")


class _Reader(object):
    state = None

    def resume(self, state):
        """Goes on where a reader with this `state` ended."""


class Regex(_Reader):
    """Every match of a pattern in a line; its groups are metrics, `{number}` and `{int}` stand for numbers."""

    def __init__(self, words):
        if not words:
            raise ValueError("regex needs a pattern, as in regex 'loss: (?P<loss>{number})'")
        self._names, self._pattern = {}, _compiled(words[0])
        self._as_it_is = asks_for_escapes(words[0])
        named = {index: name for name, index in self._pattern.groupindex.items()}
        given = words[1:]
        for index in range(1, self._pattern.groups + 1):
            if index not in named and not given:
                raise ValueError(
                    "group %d of the pattern has no name: write (?P<name>...), a name after the pattern,"
                    " or (?:...) where it is no metric" % index
                )
            name = named[index] if index in named else given.pop(0)
            if not _NAME.match(name):
                raise ValueError("%r cannot be the name of a metric" % name[:60])
            self._names[index] = name
        if given:
            raise ValueError("there are more names than groups without a name: %s" % " ".join(given)[:60])
        self._steps = [index for index, name in self._names.items() if name == "step"]
        for index in self._steps:
            del self._names[index]
        if not self._names:
            raise ValueError("the pattern has no group for a metric, as in (?P<loss>{number})")

    def feed(self, line):
        found = []
        if not self._as_it_is:
            line = plain(line)
        whole = line[:MAX_TEXT].decode("utf-8", "replace")
        for match in self._pattern.finditer(whole):
            step = None
            for index in self._steps:
                if match.group(index) is not None:
                    step = _finite(number(match.group(index), whole))
            for index, name in self._names.items():
                text = match.group(index)
                value = None if text is None else number(text, whole)
                if value is not None:
                    found.append((name, value, step))
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
            pattern = re.compile(text.replace("{number}", shape % _NUMBER).replace("{int}", shape % _INT))
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
        _flatten("", _object(line[first : last + 1].decode("utf-8", "replace")), pairs, 0)
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
    """Columns between `,` `;` tabs or blanks; their names are the first line, unless they are given."""

    def __init__(self, words):
        names, self._step = _columns(words)
        self._wanted = frozenset()
        self._given = names
        self._names, self._separator = names, None

    @property
    def state(self):
        return None if self._separator is None else [self._names, self._separator]

    def resume(self, state):
        self._names, self._separator = state

    def feed(self, line):
        text = _text(line, MAX_OBJECT).lstrip("\ufeff# ").rstrip()
        if not text:
            return []
        if self._separator is None:
            self._separator = next((each for each in "\t;," if each in text), " ")
        cells = self._cells(text)
        values = [number(cell, text) for cell in cells]
        if not self._given and (not self._names or not any(value is not None for value in values)):
            headings = any(value is None for value in values)
            self._names = [
                (metric_name(cell) if headings else None) or "column_%d" % (position + 1)
                for position, cell in enumerate(cells)
            ]
            if headings:
                return []
        return self._pairs([pair for pair in zip(self._names, values) if pair[1] is not None])

    def _cells(self, text):
        if self._separator == " ":
            return text.split()[:MAX_COLUMNS]
        if '"' not in text:
            return [cell.strip() for cell in text.split(self._separator)[:MAX_COLUMNS]]
        import csv  # cells in quotes are rare

        try:
            row = next(csv.reader([text], delimiter=self._separator, skipinitialspace=True))
        except (csv.Error, StopIteration):
            return []
        return [cell.strip() for cell in row[:MAX_COLUMNS]]


class Table(_Named):
    """Tables aligned with blanks anywhere in a log: a line of words right above lines of as many numbers."""

    def __init__(self, words):
        _Named.__init__(self, words)
        self._names, self._above = [], []

    @property
    def state(self):
        return [self._names, self._above] if self._names or self._above else None

    def resume(self, state):
        self._names, self._above = state

    def feed(self, line):
        text = _text(line, MAX_OBJECT).lstrip("# ").replace("|", " ")
        if _RULE.match(text):
            return []
        cells = text.split()[:MAX_COLUMNS]
        above, self._above = self._above, []
        values = [number(cell, text) for cell in cells]
        if len(cells) < 2:
            return []
        if not any(value is not None for value in values):
            self._above = [metric_name(cell) or "" for cell in cells]
            return []
        if any(value is None and not _NO_VALUE.match(cell) for cell, value in zip(cells, values)):
            return []
        if len(above) == len(cells):
            self._names = above
        else:
            self._above = above  # of a row that is longer than the first one
        if len(self._names) != len(cells):
            return []
        return self._pairs(
            [(name, value) for name, value in zip(self._names, values) if name and value is not None]
        )


_READERS = {"regex": Regex, "keyvalue": KeyValue, "json": Json, "csv": Csv, "table": Table}
