"""How a program ends is how the run ends, in one sentence."""

from __future__ import annotations

import pytest

from tests.node.mum import Mum

pytestmark = pytest.mark.slow

ENDS: dict[str, tuple[list[str], str, str, int]] = {
    "true": (["/bin/true"], "finished", "", 0),
    "false": (["/bin/false"], "failed", "exit code 1", 1),
    "three": (["sh", "-c", "exit 3"], "failed", "exit code 3", 3),
    "255": (["sh", "-c", "exit 255"], "failed", "exit code 255", 255),
    "kill": (["sh", "-c", "kill -9 $$"], "failed", "ended by signal KILL", 137),
    "segv": (["sh", "-c", "kill -SEGV $$"], "failed", "ended by signal SEGV", 139),
    "term itself": (["sh", "-c", "kill -TERM $$"], "failed", "ended by signal TERM", 143),
    "hup": (["sh", "-c", "kill -HUP $$"], "failed", "ended by signal HUP", 129),
    "int": (["sh", "-c", "kill -INT $$"], "failed", "ended by signal INT", 130),
    "no such program": (["no-such-program"], "failed", "the program no-such-program was not found on the node", 127),
    "no such path": (["./nothing.sh"], "failed", "the program ./nothing.sh was not found on the node", 127),
    "own 127": (["sh", "-c", "exit 127"], "failed", "exit code 127", 127),
    "not executable": (["./data.txt"], "failed", "the program ./data.txt may not be executed", 126),
    "a program named exit": (["exit", "7"], "failed", "the program exit was not found on the node", 127),
    "a program named cd": (["cd", "/"], "failed", "the program cd was not found on the node", 127),
    "script": (["./run.sh", "4"], "failed", "exit code 4", 4),
    "no interpreter": (["./bad.sh"], "failed", "exit code 127", 127),
    "missing file": (["cat", "missing.txt"], "failed", "exit code 1", 1),
    "stdin": (["sh", "-c", "read line || exit 9"], "failed", "exit code 9", 9),
    "nul": (["echo", "a\0b"], "failed", "could not be started: embedded null byte", -1),
    "half a character": (["echo", "\ud800"], "failed", "could not be started", -1),
    "too long": (["echo", "x" * 200_000], "failed", "could not be started: [Errno 7] Argument list too long", -1),
}  # fmt: skip
FILES: dict[str, bytes | str | None] = {
    "data.txt": b"no program", "run.sh": b"#!/bin/sh\nexit $1\n", "bad.sh": b"#!/no/such/interpreter\n",
}  # fmt: skip


def test_every_way_to_end_is_told_as_it_is(served: Mum) -> None:
    ended = served.run([argv for argv, *_ in ENDS.values()], FILES)
    for index, (name, (_, state, reason, status)) in enumerate(ENDS.items()):
        record = ended[index]
        assert (record["state"], record["status"]) == (state, None if status < 0 else status), (name, record)
        assert record["reason"] == reason if status >= 0 else record["reason"].startswith(reason), (
            name,
            record,
        )
        assert (record["started"] is None) == (status < 0), (name, record)
        if status >= 0:
            assert record["started"] <= record["ended"]
    assert {record["i"] for record in served.of("started")} == {
        index for index, (*_, status) in enumerate(ENDS.values()) if status >= 0
    }
    assert len(served.of("ended")) == len(ENDS)
    assert b"missing.txt" in served.whole_log(served.token, list(ENDS).index("missing file"), 1)


def test_a_program_named_like_a_command_of_the_shell_is_the_program(served: Mum) -> None:
    script = b"#!/bin/sh\nprintf '%s\\n' own \"$@\"\n"
    names = ["echo", "exit", "cd", "set", "trap", "printf"]
    served.run(
        [[name, "-n", "x"] for name in names],
        {f"bin/{name}.sh": script for name in names},
        setup=[
            'for f in "$PWD"/bin/*.sh; do ln -s "$f" "bin/$(basename "$f" .sh)"; done',
            'PATH="$PWD/bin:$PATH"',
        ],
    )
    for index in range(len(names)):
        assert served.whole_log(served.token, index) == b"own\n-n\nx\n"


NASTY = [
    "$(touch x)", "`touch x`", "'", '"', "a b", "a\nb", "-rf", "--", "", "*", "~", "\\", "!x", "#", "a;b", "$HOME", "ä€😀", "\t",
    "a=b", "\udcff", "{a,b}", "&", "|", ">x", "%s", "\x7f", "\x01",
]  # fmt: skip


def test_arguments_arrive_byte_for_byte(served: Mum) -> None:
    code = b"import os,sys;sys.stdout.buffer.write(b'\\0'.join(map(os.fsencode,sys.argv[1:])))"
    for setup in ([], ["true"]):
        served.run([["python3", "p.py", *NASTY]], {"p.py": code}, setup=setup)
        expected = b"\0".join(text.encode("utf-8", "surrogateescape") for text in NASTY)
        assert served.whole_log(served.token, 0) == expected


def test_a_run_that_ended_is_recorded_once_and_its_place_is_given_back(served: Mum) -> None:
    served.run([["/bin/true"]] * 40)
    assert sorted(record["i"] for record in served.of("ended")) == list(range(40))
    assert sorted(record["i"] for record in served.of("claimed")) == list(range(40))
    opened = [path.name for path in served.root.glob("hosts/*/open/*")]
    served.until(lambda: not list(served.root.glob("hosts/*/open/*")))
    assert len(opened) <= 2
