"""The words of the filter: `resnet lr>0.001 -sgd "two words" #17 tag:good` (pure)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from neronet.spec.values import number
from neronet.sweep.select import TAG
from neronet_jupyter.table.entry import Entry

_TERM = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')
_COMPARED = re.compile(r"([\w./%-]+?)(<=|>=|!=|==|=|<|>)(.+)")
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
    "=": operator.eq, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


class Term(NamedTuple):
    """A word that must be there; with `sign`, a parameter or metric `word` that compares so with `than`."""

    word: str
    sign: str = ""
    than: str = ""
    absent: bool = False


def parse(text: str) -> list[Term]:
    """The terms of a filter, all of which must hold; a comma after a word is no part of it."""
    terms = []
    for minus, quoted, bare in _TERM.findall(text):
        word = bare.strip(",")
        compared = _COMPARED.fullmatch(word)
        if compared:
            terms.append(Term(compared[1], compared[2], compared[3], bool(minus)))
        elif quoted or word:
            terms.append(Term((quoted or word).casefold(), absent=bool(minus)))
    return terms


def select(entries: Iterable[Entry], terms: list[Term], metrics: Mapping[str, int]) -> list[Entry]:
    """Those entries of which all terms hold. `metrics`: name -> id."""
    found = list(entries)
    for term in terms:
        test = _compare(term, metrics) if term.sign else _contains(term)
        found = [entry for entry in found if test(entry) is not term.absent]
    return found


def _contains(term: Term) -> Callable[[Entry], bool]:
    word = term.word
    if re.fullmatch(r"#\d+", word):
        return lambda entry: f"#{entry.row.number}" == word
    if word.startswith(TAG):
        tag = word[len(TAG) :]
        return lambda entry: any(one.casefold() == tag for one in entry.row.tags)
    return lambda entry: word in entry.words


def _compare(term: Term, metrics: Mapping[str, int]) -> Callable[[Entry], bool]:
    holds, limit = _SIGNS[term.sign], number(term.than)
    metric = metrics.get(term.word, -1)

    def test(entry: Entry) -> bool:
        text = entry.row.parameters.get(term.word)
        if text is None:
            value = entry.value(metric)
            if value is None:
                # What a run does not have compares with nothing; a text of the form a=b may still be part of it.
                return (
                    term.sign in ("=", "==")
                    and f"{term.word}{term.sign}{term.than}".casefold() in entry.words
                )
        else:
            value = number(text)
        if value is None or limit is None:
            return term.sign in ("=", "==", "!=") and holds((text or "").casefold(), term.than.casefold())
        return holds(value, limit)

    return test
