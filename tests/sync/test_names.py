"""Only a name that is harmless on every system becomes a file."""

from __future__ import annotations

import posixpath

import pytest
from hostile_names import HOSTILE, ORDINARY, RESERVED
from hypothesis import given
from hypothesis import strategies as st

from neronet.errors import UnsafePath
from neronet.sync import names
from neronet.sync.names import is_twin, safe_parts


@pytest.mark.parametrize(
    "name", [name for name in HOSTILE if name not in RESERVED], ids=lambda name: ascii(name)[:40]
)
def test_a_hostile_name_is_refused(name: str) -> None:
    with pytest.raises(UnsafePath) as error:
        safe_parts(name)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 300


def test_the_corpus_is_large() -> None:
    assert len(HOSTILE) > 200


@pytest.mark.parametrize("name", ORDINARY, ids=lambda name: ascii(name)[:40])
def test_an_ordinary_name_is_taken(name: str) -> None:
    assert "/".join(safe_parts(name)) == name


@given(
    st.text(st.sampled_from("./\\ ab:\0\n\u202e\udc2f\udcff\ud800CON~"), max_size=20) | st.text(max_size=20)
)
def test_what_is_taken_stays_below_its_folder(name: str) -> None:
    try:
        parts = safe_parts(name)
    except UnsafePath:
        return
    assert posixpath.normpath("/root/" + name) == "/root/" + "/".join(parts)
    assert not {"", ".", ".."} & set(parts)
    assert not set("\\\0\n") & set(name)
    name.encode("utf-8", "surrogateescape")


def test_a_colon_names_a_stream_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert safe_parts("12:30")
    monkeypatch.setattr(names.os, "name", "nt")
    with pytest.raises(UnsafePath, match="Windows"):
        safe_parts("12:30")


def test_a_twin_is_told_from_the_name_itself() -> None:
    assert is_twin("model.pt", ["Model.pt", "x"])
    assert not is_twin("model.pt", ["Model.pt", "model.pt"])
    assert not is_twin("\u00e9", ["e\u0301"]), "the same name in another form"
    assert is_twin("\u00e9", ["E\u0301"])
