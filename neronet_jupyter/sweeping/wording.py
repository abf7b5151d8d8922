"""The format of a command, `--lr {lr} --opt {opt}`, as parameters come, go and change their names."""

from __future__ import annotations

import re

_WORD = re.compile(r"""(?:[^\s'"\\]|'[^']*'|"(?:\\.|[^"\\])*"|\\.)+""", re.DOTALL)
_SLOT = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")


def with_parameter(text: str, name: str) -> str:
    """The format with one more parameter, passed as the last one is; as `--name {name}` when there is none."""
    words = [match.group() for match in _WORD.finditer(text)]
    before = words[-2] if len(words) > 1 else ""
    last = words[-1] if words else ""
    slots = [match[1] for match in _SLOT.finditer(last) if match[1]]
    if slots == [last[1:-1]] and not _is_option(before):
        more = f"{{{name}}}"
    elif len(slots) == 1 and re.fullmatch(rf"(-*){re.escape(slots[0])}=\{{{re.escape(slots[0])}\}}", last):
        more = f"{re.match('-*', last)[0]}{name}={{{name}}}"  # type: ignore[index]
    else:
        more = f"--{name} {{{name}}}"
    return f"{text.rstrip()} {more}".lstrip()


def without_parameter(text: str, name: str) -> str:
    """The format without a parameter and the option that stands before it."""
    spans = [match.span() for match in _WORD.finditer(text)]
    for position in range(len(spans) - 1, -1, -1):
        start, end = spans[position]
        word = text[start:end]
        names = [match[1] for match in _SLOT.finditer(word) if match[1]]
        if set(names) != {name}:
            continue
        if word == f"{{{name}}}" and position and _is_option(text[slice(*spans[position - 1])]):
            start = spans[position - 1][0]
        text = f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()
    return text


def with_name(text: str, old: str, new: str) -> str:
    """The format with another name of a parameter; an option that is called like it gets the new name too."""

    def renamed(match: re.Match[str]) -> str:
        word = match.group()
        if re.fullmatch(rf"-*{re.escape(old)}(=\{{{re.escape(old)}\}})?", word):
            word = word.replace(old, new, 1)
        return _SLOT.sub(lambda slot: f"{{{new}}}" if slot[1] == old else slot[0], word)

    return _WORD.sub(renamed, text)


def rule_with_name(text: str, old: str, new: str) -> str:
    """A rule of `exclude` with another name of a parameter; quoted texts stay."""
    return re.sub(
        r"""("[^"]*"|'[^']*')|([^\s()=!<>"']+)""", lambda match: new if match[2] == old else match[0], text
    )


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1 and not _SLOT.search(word)
