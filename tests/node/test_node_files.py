"""Files: what a run gets, what it may change, what stays, what travels back, what is deleted and when."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from neronet.node import folder, outcome, runs
from neronet.node.contents import Contents
from tests.node.mum import Files, Mum, install, kids_of, mum

pytestmark = pytest.mark.slow

TREE: Files = {
    "main.py": b"print('main')\n", "run.sh": b"#!/bin/sh\necho ran\n", "data/a.txt": b"A", "data/deep/b.txt": b"B",
    "link": "data/a.txt", "data/up": "../main.py", "empty": None, "data/hollow": None, "same.txt": b"A",
    "gr\u00f6\u00dfe \u20ac.txt": b"unicode", "odd\udcff.txt": b"bytes", "space name": b" ", "-rf": b"dash", "new\nline": b"nl",
    "nothing": b"", "twin.sh": b"A",
}  # fmt: skip
LIST = "import os\nfor f, d, n in sorted(os.walk('.')):\n for x in sorted(d + n):\n  p = os.path.join(f, x); s = os.lstat(p)\n"
LIST += "  print(ascii(p), oct(s.st_mode), s.st_nlink > 1)\n"


def listing(served: Mum, index: int) -> dict[str, tuple[int, bool]]:
    lines = served.whole_log(served.token, index).decode().splitlines()
    found = {}
    for line in lines:
        name, mode, linked = line.rsplit(" ", 2)
        found[os.path.normpath(eval(name))] = int(mode, 8), linked == "True"  # what ascii() wrote
    return found


def work(served: Mum, index: int) -> Path:
    return served.root / "batches" / served.token / f"run/{index}.1/work"


def test_a_run_finds_its_folder_as_it_was_sent(served: Mum) -> None:
    served.run(
        [["python3", "-I", "list.py"], ["./run.sh"], ["cat", "link", "data/up"]],
        {**TREE, "list.py": LIST.encode()},
    )
    found = listing(served, 0)
    files = {path for path, data in TREE.items() if isinstance(data, bytes)}
    assert set(found) - {"list.py"} == set(TREE) | {"data", "data/deep"}
    for path in files:
        mode, _ = found[path]
        assert stat.S_ISREG(mode)
        assert mode & 0o222 == 0, f"{path} may be written"
        assert bool(mode & 0o100) == path.endswith(".sh"), path
    assert stat.S_ISLNK(found["link"][0])
    assert stat.S_ISDIR(found["empty"][0])
    assert served.whole_log(served.token, 1) == b"ran\n"
    assert served.whole_log(served.token, 2) == b"Aprint('main')\n"


def test_inputs_are_taken_out_and_what_the_program_made_stays(served: Mum) -> None:
    script = "mkdir -p made/deep; echo 1 >made/deep/x; rm data/a.txt; echo 2 >data/a.txt; mkdir bare; ln -s x ownlink; mv link link2"
    served.run([["sh", "-c", script]], TREE)
    served.until(lambda: not kids_of(served.root))
    left = sorted(str(path.relative_to(work(served, 0))) for path in work(served, 0).rglob("*"))
    assert left == ["bare", "data", "data/a.txt", "link2", "made", "made/deep", "made/deep/x", "ownlink"]
    assert (work(served, 0) / "data/a.txt").read_text() == "2\n"


def test_outputs_and_writable_files_are_private_copies(served: Mum) -> None:
    files: Files = {"results.csv": b"old", "state/s1": b"s", "other.txt": b"o"}
    script = "echo new >>results.csv; echo more >>state/s1; echo x >>other.txt || echo refused"
    ended = served.run([["sh", "-c", script]] * 2, files, outputs=["results.csv"], writable=["state"])
    for index in range(2):
        assert served.output(served.token, index, "results.csv") == b"oldnew\n"
        assert (work(served, index) / "state/s1").read_text() == "smore\n"
        assert ended[index]["outputs"] == [["results.csv", 7, 0]]
    for data in files.values():
        assert isinstance(data, bytes)
        assert (
            served.root / "files" / hashlib.sha256(data).hexdigest()[:2] / hashlib.sha256(data).hexdigest()
        ).read_bytes() == data


def test_outputs_are_found_by_name_glob_and_folder(served: Mum) -> None:
    script = (
        "mkdir -p figs/deep models; echo 1 >figs/a.png; echo 22 >figs/deep/b.png; echo 333 >models/m1.bin; echo 4 >models/m2.txt;"
        "echo 5 >x.csv; echo 6 >y.csv; echo 7 >secret; ln -s secret link.csv; mkfifo pipe.csv; printf 'x' >'größe €.csv';"
        "printf y >\"$(printf 'odd\\377.csv')\"; chmod +x y.csv; : >empty.csv"
    )
    ended = served.run(
        [["bash", "-c", script]],
        {"in.csv": b"input"},
        outputs=["figs", "models/*.bin", "*.csv", "missing", "./"],
    )
    found = {path: (size, executable) for path, size, executable in ended[0]["outputs"]}
    assert found == {
        "figs/a.png": (2, 0), "figs/deep/b.png": (3, 0), "models/m1.bin": (4, 0), "x.csv": (2, 0), "y.csv": (2, 1),
        "größe €.csv": (1, 0), "odd\udcff.csv": (1, 0), "empty.csv": (0, 0), "in.csv": (5, 0),
    }  # fmt: skip
    for path in found:
        assert len(served.output(served.token, 0, path)) == found[path][0]
    assert served.output(served.token, 0, "figs/deep/b.png", offset=1) == b"2\n"


def test_no_output_leads_out_of_the_folder(served: Mum) -> None:
    served.run(
        [
            [
                "sh",
                "-c",
                "echo secret >../../../secret; ln -s ../../../secret out; ln -s / root; echo in >in; ln -s in inner",
            ]
        ]
    )
    for path in (
        "out",
        "../../../secret",
        "/etc/passwd",
        "root/etc/passwd",
        "..",
        "",
        ".",
        "in/../../claim.json",
    ):
        assert served.output(served.token, 0, path) == b"", path
    assert served.output(served.token, 0, "inner") == b"in\n"
    served.say({"m": "output", "token": served.token, "index": 0, "attempt": 1, "path": "a\0b", "offset": 0})
    assert "null" in served.wait("error")[0]["text"] or served.process.poll() is None


def test_large_outputs_come_in_parts(served: Mum) -> None:
    for size in (0, 262144, 262145, 1_000_000):
        served.run([["sh", "-c", f"head -c {size} /dev/urandom >big; sha256sum big"]], outputs=["big"])
        data = served.output(served.token, 0, "big")
        assert len(data) == size
        assert served.whole_log(served.token, 0).split()[0] == hashlib.sha256(data).hexdigest().encode()


def test_a_content_is_sent_once_and_runs_keep_the_old_one_when_the_file_changes(served: Mum) -> None:
    old, new = b"print('old', 1)\n", b"print('new', 2)\n"
    token = served.submit([["sleep", "0.5"], ["sleep", "0.5"], ["python3", "main.py"]], {"main.py": old})
    sha = hashlib.sha256(old).hexdigest()
    served.say({"m": "have", "shas": [sha, "f" * 64]})
    assert served.wait("missing")[0]["shas"] == ["f" * 64]
    served.submit([["python3", "main.py"]], {"main.py": new})
    served.follow(token)
    served.until(lambda: len(served.ended()) == 3)
    assert served.whole_log(token, 2) == b"old 1\n"


def test_many_outputs_are_one_bounded_record(served: Mum) -> None:
    """Names that grow sixfold as JSON must not make a record that no message can carry."""
    script = "import os\nfor n in range(4000): open('\u20ac' * 80 + '%d.out' % n, 'w').close()"
    ended = served.run([["python3", "-c", script]], outputs=["*.out"])
    assert 100 < len(ended[0]["outputs"]) < 4000
    assert len(json.dumps(ended[0])) < 1 << 20
    assert "output files; the others stay on the node" in served.of("warn")[0]["text"]


# -- without and with root's powers


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder of another user, that she can reach."""
    path = Path(tempfile.mkdtemp(prefix="neronet-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


# Only root can become another user.
@pytest.mark.parametrize("user", [0, 65534] if os.geteuid() == 0 else [os.geteuid()])
def test_contents_are_linked_for_users_and_copied_for_root(public: Path, user: int) -> None:
    """Root writes through any mode: a link would let one run change the files of all."""
    root = public / "root"
    root.mkdir()
    install(root)
    for path in (root, root / "agent"):
        os.chown(path, user, user)
    files = {**TREE, "list.py": LIST.encode(), "own.txt": b"own"}
    with mum(root, python="/usr/bin/python3", user=user, group=user, env={"HOME": "/"}) as served:
        served.run(
            [["python3", "-I", "list.py"], ["sh", "-c", "echo changed >same.txt; echo x >>own.txt"]],
            files,
            writable=["own.txt"],
        )
        found = listing(served, 0)
        assert found["same.txt"][1] == (user != 0)
        assert not found["own.txt"][1]
        assert found["own.txt"][0] & 0o200
        sha = hashlib.sha256(b"A").hexdigest()
        assert (root / "files" / sha[:2] / sha).read_bytes() == b"A"
        assert stat.S_IMODE((root / "files" / sha[:2] / sha).stat().st_mode) == 0o400
        served.until(lambda: not kids_of(root))
        for path in [root, *root.rglob("*")]:
            if (
                "work" not in path.parts
                and path.parent.name != "agent"
                and path != root
                and not path.is_symlink()
            ):
                assert path.stat().st_uid == user
    assert all(path.stat().st_mode & 0o077 == 0 for path in root.iterdir() if path.name != "agent")


# -- populate and unlink, alone


def test_filling_a_folder_may_be_repeated(tmp_path: Path) -> None:
    root = runs.Root(str(tmp_path / "root")).prepare()
    contents = Contents(root)
    data = {"a": b"1", "dir/b": b"2"}
    for value in data.values():
        assert contents.part(hashlib.sha256(value).hexdigest(), 0, 1, value)
    manifest = {
        "entries": [[path, "f", 0, hashlib.sha256(value).hexdigest(), 1] for path, value in data.items()]
        + [["l", "l", "a"], ["e", "d"]]
    }
    place = tmp_path / "work"
    place.mkdir()
    (tmp_path / "work.part").write_bytes(b"torn")
    for _ in range(2):
        folder.populate(root, manifest, str(place), lambda path: path == "a")
    assert {str(path.relative_to(place)) for path in place.rglob("*")} == {"a", "dir", "dir/b", "l", "e"}
    assert (place / "a").stat().st_mode & 0o777 == 0o600
    (place / "a").write_bytes(b"changed")
    folder.populate(root, manifest, str(place), lambda path: path == "a")
    assert (place / "a").read_bytes() == b"changed"
    folder.unlink_inputs(manifest, str(place))
    assert [path.name for path in place.rglob("*")] == ["a"]


def test_what_a_program_puts_in_the_place_of_its_inputs_is_left_alone(served: Mum, tmp_path: Path) -> None:
    shared = tmp_path / "shared" / "deep"
    shared.mkdir(parents=True)
    (shared / "train.csv").write_text("the only copy")
    (shared / "train.csv").chmod(0o444)
    (shared / "empty").mkdir()
    script = f"rm -r data; ln -s '{shared.parent}' data; mkdir checkpoints".encode()
    files: Files = {"main": script, "data/deep/train.csv": b"1", "data/deep/empty": None, "lists/one": b"1"}
    assert served.run([["sh", "main"]], files)[0]["state"] == "finished"
    served.until(lambda: not kids_of(served.root))  # inputs are taken out after the end is told
    assert (shared / "train.csv").read_text() == "the only copy"
    assert (shared / "empty").is_dir()
    assert sorted(path.name for path in work(served, 0).iterdir()) == ["checkpoints", "data"]


def test_a_damaged_content_is_noticed_and_asked_for_again(served: Mum) -> None:
    data = b"echo intact\n"
    sha = hashlib.sha256(data).hexdigest()
    served.send(data)
    stored = served.root / "files" / sha[:2] / sha
    stored.unlink()
    stored.write_bytes(b"")
    ended = served.run([["sh", "main"]], {"main": data})
    assert ended[0]["state"] == "failed"
    assert "the content of main was damaged on this node" in ended[0]["reason"]
    served.say({"m": "have", "shas": [sha]})
    assert served.wait("missing")[0]["shas"] == [sha]
    assert served.run([["sh", "main"]], {"main": data})[0]["state"] == "finished"


@pytest.mark.parametrize(
    ("path", "patterns", "match"),
    [
        ("a.csv", ["*.csv"], True), ("d/a.csv", ["*.csv"], True), ("d/a.csv", ["d"], True), ("d/a.csv", ["d/"], True),
        ("d/a.csv", ["e"], False), ("da", ["d"], False), ("d/e/f", ["d/e"], True), ("d/e/f", ["d/*/f"], True), ("A", ["a"], False),
    ],
)  # fmt: skip
def test_patterns_name_files_and_folders(path: str, patterns: list[str], match: bool) -> None:
    assert outcome.matches(path, patterns) == match


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (30, "30 seconds"),
        (90, "90 seconds"),
        (120, "2 minutes"),
        (7200, "2 hours"),
        (172800, "2 days"),
        (3600, "60 minutes"),
        (0.5, "0.5 seconds"),
    ],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert outcome.duration(seconds) == text


# -- contents and tidying


def age(root: Path) -> None:
    for path in (root / "files").rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 3 * 86400,) * 2)


def shas(root: Path) -> set[str]:
    return {path.name for path in (root / "files").rglob("*") if path.is_file() and "." not in path.name}


def test_tidying_removes_a_batch_and_only_what_nobody_names(root: Path) -> None:
    with mum(root) as served:
        one = served.submit([["true"]], {"shared": b"shared", "only.sh": b"#!/bin/sh\n"})
        two = served.submit([["true"]], {"shared": b"shared", "other": b"other"})
        for token in (one, two):
            served.follow(token)
        served.until(lambda: len(served.of("ended")) == 2)
        fresh = served.send(b"an upload under way")
        age(root)
        served.send(b"an upload under way")
        before = shas(root)
        served.until(lambda: not list(root.glob("hosts/*/open/*")))
        served.say({"m": "tidy", "token": one})
        served.wait("tidied", token=one)
        assert not (root / "batches" / one).exists()
        gone = before - shas(root)
        assert hashlib.sha256(b"#!/bin/sh\n").hexdigest() in gone
        assert len(gone) == 2, "the file and the manifest; the lists of runs are the same"
        kept = shas(root)
        assert {hashlib.sha256(b"shared").hexdigest(), hashlib.sha256(b"other").hexdigest(), fresh} <= kept
        assert not list((root / "files").rglob("*.x"))
        served.say({"m": "follow", "token": one, "offsets": {}})
        assert "no longer on the node" in served.wait("error")[0]["text"]
        served.say({"m": "tidy", "token": one})
        served.wait("tidied", token=one)


def test_what_was_just_sent_is_kept_though_no_batch_names_it_yet(root: Path) -> None:
    with mum(root) as served:
        token = served.submit([["true"]])
        served.follow(token)
        served.until(lambda: bool(served.ended()))
        sha = served.send(b"for a batch to come")
        (root / "files" / "ab").mkdir(exist_ok=True)
        part = root / "files" / sha[:2] / (sha + ".99999.part")
        part.write_bytes(b"half")
        served.until(lambda: not list(root.glob("hosts/*/open/*")))
        served.say({"m": "tidy", "token": token})
        served.wait("tidied")
        assert sha in shas(root)
        assert part.exists()


def test_what_a_manifest_names_is_kept_as_long_as_the_manifest(root: Path) -> None:
    """A submission asks for its manifest alone when it is sent again, and takes the rest to be there."""
    with mum(root) as served:
        files: Files = {"data": b"of both", "tool.sh": b"#!/bin/sh\ncat data\n"}
        first = served.submit([["sh", "tool.sh"]], files)
        other = served.submit([["true"]], {"only": b"of the other"})
        for token in (first, other):
            served.follow(token)
        served.until(lambda: len(served.of("ended")) == 2)
        served.until(lambda: not list(root.glob("hosts/*/open/*")))
        manifest = json.loads((root / "batches" / first / "batch.json").read_text())["manifest"]
        served.send(b'{"v":1,"entries":7}')  # a user's file that looks like a manifest is none
        age(root)
        served.say({"m": "have", "shas": [manifest]})
        assert served.wait("missing")[0]["shas"] == []
        for token in (first, other):
            served.say({"m": "tidy", "token": token})
            served.wait("tidied", token=token)
        assert hashlib.sha256(b"of the other").hexdigest() not in shas(root)
        again = dict(served.content([["sh", "tool.sh"]]), manifest=manifest)
        served.say({"m": "batch", "token": "d" * 16, "batch": again})
        served.wait("accepted", token="d" * 16)
        served.forget()
        served.follow("d" * 16)
        served.until(lambda: len(served.of("ended")) == 1)
        assert served.whole_log("d" * 16, 0) == b"of both"


def test_an_open_batch_is_not_tidied(served: Mum) -> None:
    token = served.submit([["sleep", "30"]])
    served.follow(token)
    served.until_started()
    served.say({"m": "tidy", "token": token})
    assert served.wait("error")[0]["text"] == "runs of this batch are still open"
    served.act(token, "terminate", [[0, 0]])
    served.until(lambda: bool(served.ended()))


def test_parts_in_the_wrong_order_and_damaged_files_are_refused(served: Mum) -> None:
    data = secrets.token_bytes(1000)
    sha = hashlib.sha256(data).hexdigest()
    damaged = data[:-1] + bytes([data[-1] ^ 1])
    for parts in ([(500, data[500:])], [(0, data[:400]), (500, data[500:])], [(0, damaged)]):
        for offset, part in parts:
            served.say({"m": "file", "sha": sha, "offset": offset, "total": 1000}, part)
        assert served.wait("error")[0]["about"] == f"file {sha}"
    assert not (served.root / "files" / sha[:2] / sha).exists()
    assert served.send(data) == sha
    served.say({"m": "file", "sha": sha, "offset": 0, "total": 1000}, data)
    served.wait("stored", sha=sha)


def test_a_batch_whose_files_did_not_arrive_is_refused(served: Mum) -> None:
    batch = {"home": "h", "place": "place1", "created": 1.0, "manifest": "a" * 64, "runs": "b" * 64}
    served.say({"m": "batch", "token": "c" * 16, "batch": batch})
    error = served.wait("error")[0]
    assert error["about"] == "batch " + "c" * 16
    assert "did not arrive" in error["text"]
    assert not (served.root / "batches" / ("c" * 16)).exists()


def test_a_batch_that_is_sent_twice_is_accepted_twice_and_run_once(served: Mum) -> None:
    token = secrets.token_hex(8)
    batch = served.content([["true"]])
    for _ in range(3):
        served.say({"m": "batch", "token": token, "batch": batch})
        served.wait("accepted", token=token)
    served.follow(token)
    served.until(lambda: bool(served.ended()))
    served.sync()
    assert len(served.of("claimed")) == len(served.of("ended")) == 1


def test_the_user_side_can_read_back_what_it_lost(served: Mum) -> None:
    served.run([["echo", "x"]], {"a": b"content of a"})
    sha = hashlib.sha256(b"content of a").hexdigest()

    def read(what: str, key: str) -> bytes:
        data = b""
        while True:
            served.say({"m": "read", "what": what, "key": key, "offset": len(data)})
            message, part = served.wait("content", what=what, key=key)
            data += part or b""
            if message["end"]:
                return data

    assert json.loads(read("batch", served.token))["home"] == served.home
    assert json.loads(read("runs", served.token))["argv"] == ["echo", "x"]
    assert read("content", sha) == b"content of a"
    for what, key in (("content", "0" * 64), ("batch", "../x"), ("nothing", "x"), ("runs", "")):
        assert read(what, key) == b""
