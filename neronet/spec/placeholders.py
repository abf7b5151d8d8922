"""`--lr {lr}`: where the values of parameters go.

Not `str.format`, which would follow attributes and obey format codes: a name in
braces is replaced by the value's text, {{ and }} are braces, nothing else exists.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from neronet.spec.problems import Unfit, quoted

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[^{}]+")
_HINT = "a name of a parameter in braces stands for its value; a brace itself is written {{ or }}"


@dataclass(frozen=True)
class Slot:
    name: str


@functools.lru_cache(maxsize=4096)
def pieces(word: str) -> tuple[str | Slot, ...]:
    """The texts and slots that a word is made of; raises Unfit."""
    found: list[str | Slot] = []
    end = 0
    for match in _PIECE.finditer(word):
        if match.start() != end:
            break
        end = match.end()
        if match[1] is not None:
            if not match[1]:
                raise Unfit("the braces {} name no parameter", _HINT)
            found.append(Slot(match[1]))
        else:
            found.append({"{{": "{", "}}": "}"}.get(match[0], match[0]))
    if end != len(word):
        raise Unfit(f"a brace in {quoted(word)} has no partner", _HINT)
    return tuple(found)


@functools.lru_cache(maxsize=64)  # every experiment of a file that inherits it asks again
def names(words: tuple[str, ...]) -> Mapping[str, None]:
    """The parameters that these words name, in order; raises Unfit."""
    slots = [piece for word in words for piece in pieces(word) if isinstance(piece, Slot)]
    return dict.fromkeys(slot.name for slot in slots)
