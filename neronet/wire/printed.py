"""What programs print: its numbers, the names of its metrics, its colours.  Pure."""

import re

MAX_NUMBER = 100  # characters of one with a unit or a comma

# Of a comma it is looked first whether there is one: most numbers have none.
_DIGITS = (
    r"(?:(?=[\d.]+,)(?:\d{1,3}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?|\d+,\d+)(?![.,]?\d)"
    r"|\d+(?:\.\d*)?|\.\d+)(?:[eEdD][+-]?\d+)?"
)
_WORDS = r"(?:[nN][aA][nN]|[iI][nN][fF](?:inity)?)(?![A-Za-z])"
INT = r"[+-]?\d+"
NUMBER = r"[+\-\u2212]?(?:%s|%s)" % (_DIGITS, _WORDS)

# What a terminal obeys (colours, links, moves of its cursor); it never has the end of a line in it.
ESCAPE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\r\n]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])"
_ESCAPE = re.compile(ESCAPE.encode("ascii"))
_ASKS = re.compile(r"\x1b|\\x1b|\\033", re.IGNORECASE)

_MEASURED = re.compile(r"\s*(%s)\s*(?:%%|[^\W\d_][^\W\d_]{0,9}(?:/[^\W\d_]{1,10})?)?\s*\Z" % NUMBER)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?\Z")
_EITHER = re.compile(r"[1-9]\d{0,2},\d{3}\Z")
# Numbers in a line whose commas are for decimals beyond doubt.
_DECIMALS = re.compile(
    r"(?:^|[\s=:;|])[+\-\u2212]?(?:0,\d+|\d{4,},\d+|\d{1,3}(?:\.\d{3})+,\d+|\d+,\d+[eE][+-]?\d+)(?![\d.,])"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./%-]{0,199}\Z")
_STRANGE = re.compile(r"[^A-Za-z0-9_./%-]+")


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
    """The name of a metric for any heading: `Val Acc (%)` becomes `Val_Acc_%`, `Größe` `Grosse`; None where nothing is left."""
    if _NAME.match(text):
        return text
    name = _STRANGE.sub("_", _unaccented(text)).strip("_")
    if not name:
        return None
    return (name if name[0].isalpha() else "_" + name)[:200]


def _unaccented(text):
    if not any(sign > "\x7f" for sign in text):
        return text
    import unicodedata  # few programs print such names

    parts = unicodedata.normalize("NFKD", text.replace("\xdf", "ss"))
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


def text_of(line):
    """A line as text: UTF-8 or, where it is none, Latin-1."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def plain(line):
    """A line, or a whole log, without what a terminal obeys."""
    return _ESCAPE.sub(b"", line) if b"\x1b" in line else line


def asks_for_escapes(pattern):
    """Whether a pattern is for lines as they are, with all that a terminal obeys."""
    return _ASKS.search(pattern) is not None
