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

import re
import warnings

from neronet.wire.named import MAX_COLUMNS, MAX_TEXT, Reader, cut, finite
from neronet.wire.pairs import Json, KeyValue
from neronet.wire.printed import INT, NUMBER, asks_for_escapes, is_metric, number, plain
from neronet.wire.tables import Csv, Table

BUILT_INS = ("regex", "keyvalue", "json", "csv", "table")
KEEP = "keep=last"
MAX_PATTERN = 1000  # characters of a user's pattern
MAX_GROUPS = 50


def make(arguments):
    """A new reader for `regex PATTERN NAMES...`, `keyvalue`, `json`, `csv` or `table`; raises ValueError (a sentence).

    After `keyvalue`, `json` and `table` names may follow: only those are metrics; after `csv` they are the columns.
    `step=NAME` says which one is the step, if not the one that is called `step`.
    """
    kind = arguments[0] if arguments else ""
    if kind not in _READERS:
        raise ValueError("there is no reader %r: there are %s" % (kind, ", ".join(BUILT_INS)))
    return _READERS[kind](list(arguments[1:]))


class Regex(Reader):
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
        whole = cut(line, MAX_TEXT)
        for match in self._pattern.finditer(whole):
            step, bare = self._last, True
            for index in self._steps:
                if match.group(index) is not None:
                    step = finite(number(match.group(index), whole))
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


_READERS = {"regex": Regex, "keyvalue": KeyValue, "json": Json, "csv": Csv, "table": Table}
