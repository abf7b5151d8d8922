"""Readers of pairs: `loss=0.3` anywhere in a line, and objects of JSON or Python."""

import json
import re

from neronet.wire.named import MAX_COLUMNS, MAX_OBJECT, MAX_TEXT, Named, text_within
from neronet.wire.printed import NUMBER, metric_name, number, plain, text_of

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


class KeyValue(Named):
    """`loss=0.3 acc: 0.9 lr = 1e-3`, wherever it stands in a line."""

    def feed(self, line):
        if b"=" not in line and b":" not in line:
            return []
        whole = text_within(line, MAX_TEXT)
        pairs = ((name, number(text, whole)) for name, text in _PAIR.findall(whole))
        return self._pairs([pair for pair in pairs if pair[1] is not None])


class Json(Named):
    """An object in a line: JSON, or a dict as Python prints it; nested keys are joined by a dot."""

    def feed(self, line):
        line = plain(line)
        first, last = line.find(b"{"), line.rfind(b"}")
        if not 0 <= first < last or last - first >= MAX_OBJECT:
            return []
        pairs = []
        _flatten("", object_of(text_of(line[first : last + 1])), pairs, 0)
        return self._pairs(pairs)


def object_of(text):
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
