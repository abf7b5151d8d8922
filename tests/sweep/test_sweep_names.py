"""Names of runs and of their folders."""

from __future__ import annotations

import random

import pytest

from neronet.sweep import folder_name
from neronet.sweep.names import MAX_FOLDER, MAX_VALUE, value_in_name


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.1", "0.1"),
        ("data/1.txt", "data/1.txt"),
        ("a b", "a b"),
        ("", ""),
        ("a,b", "a%2Cb"),
        ("50%", "50%25"),
        ("x@2", "x%402"),
        ("a\nb", "a%0Ab"),
        ("\u202e", "%E2%80%AE"),
        ("é", "é"),
    ],
)
def test_a_value_stands_in_a_name_as_it_is_unless_it_would_confuse(value: str, shown: str) -> None:
    assert value_in_name(value) == shown


def test_long_values_are_cut_and_stay_apart() -> None:
    one, two = value_in_name("x" * 1000 + "1"), value_in_name("x" * 1000 + "2")
    assert one != two
    assert len(one) == len(two) == MAX_VALUE
    assert value_in_name("x" * MAX_VALUE) == "x" * MAX_VALUE


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("theanotest", "theanotest"),
        ("theanotest@2", "theanotest@2"),
        ("lang_exp1/hyperparamx=34", "lang_exp1/hyperparamx=34"),
        ("e/a=1,b=x y", "e/a=1,b=x%20y"),
        ("e/f=data/1.txt", "e/f=data%2F1.txt"),
        ("e/f=../../x", "e/f=..%2F..%2Fx"),
        ("e/a=é", "e/a=%C3%A9"),
        ("e/a=x%2Cy", "e/a=x%2Cy"),
        ("e/a=.", "e/a=%2E"),
        ("é/..", "%C3%A9/%2E%2E"),
        ("..", "%2E%2E"),
        (".hidden/.", "%2Ehidden/%2E"),
        ("/", "%/%"),
        ("con/a=1", "%63on/a=1"),
        ("NUL.txt/a=1", "%4EUL.txt/a=1"),
        ("console/a=1", "console/a=1"),
        ("a\\b/c:d", "a%5Cb/c%3Ad"),
    ],
)
def test_a_folder_has_a_name_that_every_system_can_have(name: str, folder: str) -> None:
    assert folder_name(name) == folder


def test_a_long_folder_name_is_cut_and_stays_apart() -> None:
    folders = [folder_name(f"e/{'x' * 200}={n}") for n in range(3)]
    assert len(set(folders)) == 3
    assert all(len(folder) == len("e/") + MAX_FOLDER for folder in folders)
    assert folder_name("e/" + "x" * MAX_FOLDER) == "e/" + "x" * MAX_FOLDER


def test_any_name_becomes_a_safe_folder_within_results() -> None:
    chance = random.Random(2)
    signs = 'ab./\\ :*?"<>|\n\0é😀%-~@=,'
    found = {}
    for _ in range(3000):
        name = "".join(chance.choices(signs, k=chance.randrange(1, 60)))
        folder = folder_name(name)
        parts = folder.split("/")
        assert len(parts) <= 2
        for part in parts:
            assert part
            assert not part.startswith(".")
            assert not part.endswith(".")
            assert len(part) <= MAX_FOLDER
            assert set(part) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.=,@%+-")
        found.setdefault(folder, name)
    assert len(found) > 2500
