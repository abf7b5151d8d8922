"""Values as YAML text that reads back as the same values, each on one line."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Without quotes only what no YAML reader takes for anything else, also inside brackets.
_PLAIN = re.compile(r"[A-Za-z0-9_./~^$*+=@-]+(?: [A-Za-z0-9_./~^$*+=@-]+)*")
_NEEDS_QUOTES = re.compile(
    r"[*@]|-(?![\w.-])|---|\.\.\.|(?:[~=]|null|none|true|false|yes|no|on|off)$", re.IGNORECASE
)


def written(value: object) -> str:
    """One line of YAML for a text, number, truth, None, list or mapping of such."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{written(str(key))}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(written, value)) + "]"
    return _text(str(value))


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and not _NEEDS_QUOTES.match(text):
        return text
    if text.isprintable() and "\ufeff" not in text:
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(sign) for sign in text) + '"'


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return "\\" + sign
    if sign.isprintable():
        return sign
    return f"\\U{ord(sign):08x}"
