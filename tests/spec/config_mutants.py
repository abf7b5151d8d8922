"""Broken and half-broken configurations: mutant number N is the same for everyone."""

from __future__ import annotations

import random
import re

import config_texts

from neronet.spec.fields import ATTRIBUTES

# For anywhere in a file: most of these break its YAML.
_PIECES = (
    *(
        "!!python/object/apply:os.system [x]",
        "!t ",
        "&a ",
        "*a",
        "<<: *a\n",
        "{",
        "}",
        "[",
        "]",
        "[[[[",
        "{a: {b: ",
    ),
    *(
        "- ",
        "? ",
        ": ",
        ",",
        "|\n",
        ">-\n",
        "'",
        '"',
        "\\",
        "%",
        "@",
        "`",
        "#",
        "\t",
        "\n",
        "\r\n",
        "\0",
        "\x1b[31m",
    ),
    *(
        "\x85",
        "\u2028",
        "\ufeff",
        "\ud7ff",
        "😀",
        "---\n",
        "...\n",
        "+",
        "+x:\n",
        "  " * 40,
        "[" * 60,
        "-" * 200,
    ),
    "a" * 3000,
)
# Values that are YAML, to stand in the place of others.
_VALUES = (
    *(
        "",
        "null",
        "~",
        "None",
        "no",
        "1",
        "0",
        "-1",
        "010",
        "1e-3",
        "1e999",
        "1_000",
        ".nan",
        "inf",
        "0x10",
        "2h",
    ),
    *(
        "12:30:45",
        "9" * 20,
        "16 GiB",
        "16",
        "a",
        "a b",
        "'a b'",
        '"a\\tb"',
        '"\\ud800"',
        '"\\UFFFFFFFF"',
        '"\\x00"',
    ),
    *(
        '"\\e[31m"',
        "''",
        "é",
        "😀",
        "../x",
        "/x",
        "~/x",
        "C:\\x",
        "stdout",
        "[a, b]",
        "[1, 1, 2]",
        "[]",
        "{}",
    ),
    *(
        "[[1, 2]]",
        "[{a: 1}]",
        "{a: 1}",
        "{a: b c, d: e f}",
        "{a: null}",
        "[a, [b, [c, [d]]]]",
        "{a: [1, {b: {c: d}}]}",
    ),
    *("{from: 1, to: 3}", "{from: 1, to: 1e9}", "{from: 0, to: 1, step: 0}", "{from: 0, to: 1, step: 0.1}"),
    *(
        "{from: 1e-30, to: 1e30, log: 999999}",
        "{from: 1, to: 2, x: 3}",
        "{from: 3}",
        "{lr}",
        "'{lr}'",
        "'{{}} {{{lr}}}'",
    ),
    *(
        "'{0.__class__}'",
        "'{lr!r} {lr.__class__}'",
        "'{lr:>9999999999}'",
        "'{} { }'",
        "lr == 1",
        "lr",
        "'((((((lr'",
    ),
    *(
        "not not not lr < 1",
        "lr < opt or (opt == a and not lr >= 0.1)",
        "[[lr, opt]]",
        "[lr, opt, lr]",
        "true",
        "line",
    ),
    *(
        "kill",
        "nan",
        "immediately",
        "time 5",
        "time x",
        "&a [1, 2]",
        "*a",
        "!!int 1",
        "!!bool x",
        "999999",
        "seed",
    ),
)
_KEYS = (
    "+x",
    "+lang_exp1",
    "+1",
    "+plot",
    "+a b",
    "+",
    "x",
    "<<",
    "killvalue",
    "path",
    "seed",
    "repeat",
    *ATTRIBUTES,
)
_LINE = re.compile(r"(\s*(?:- )?)([^:\s]+)(: ?)(.*)")


def mutant(number: int) -> str | bytes:
    chance = random.Random(number)
    text = chance.choice(config_texts.ALL)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5, 12))):
        text = chance.choice((_signs, _lines, _meaning, _meaning, _meaning))(text, chance)
    if chance.random() < 0.03:
        data = bytearray(text.encode())
        for _ in range(3):
            data.insert(chance.randrange(len(data) + 1), chance.randrange(256))
        return bytes(data)
    return text


def _signs(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    kind = chance.randrange(4)
    if kind == 0:
        return text[:at] + text[at + chance.choice((1, 1, 2, 8, 40, 200)) :]
    if kind == 1:
        return text[:at] + chance.choice(_PIECES) + text[at:]
    if kind == 2:
        sign = chr(chance.choice((chance.randrange(128), chance.randrange(0xD800))))
        return text[:at] + sign + text[at + 1 :]
    end = at + chance.randrange(200)
    return text[:at] + text[at:end] * chance.choice((2, 3, 20)) + text[end:]


def _lines(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    line, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    kind = chance.randrange(4)
    if kind == 0:
        lines[line], lines[other] = lines[other], lines[line]
    elif kind == 1:
        lines.insert(line, lines[other])
    elif kind == 2:
        lines[line] = " " * chance.randrange(12) + lines[line].lstrip()
    else:
        del lines[line]
    return "".join(lines)


def _meaning(text: str, chance: random.Random) -> str:
    lines = text.splitlines()
    matches = [(number, match) for number, line in enumerate(lines) if (match := _LINE.fullmatch(line))]
    if not matches:
        return text
    at, match = chance.choice(matches)
    indent, key, colon, value = match.groups()
    kind = chance.randrange(4)
    if kind == 0:
        lines[at] = f"{indent}{chance.choice(_KEYS)}{colon}{value}"
    elif kind == 1:
        lines.insert(at, f"{indent}{chance.choice(_KEYS)}: {chance.choice(_VALUES)}")
    else:
        lines[at] = f"{indent}{key}: {chance.choice(_VALUES)}"
    return "\n".join(lines) + "\n"
