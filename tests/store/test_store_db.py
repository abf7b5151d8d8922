"""Opening the file, sharing it, and what is said when it cannot be used."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from store_tools import TOKEN, end, folder, new_run, records, submit, undone

from neronet.errors import StoreError
from neronet.store import Store, db, filesystem, schema
from neronet.store.filesystem import file_system_type, network_file_system

OPEN = """
import sys, pathlib
from neronet.store import Store
sys.stdin.readline()
with Store(pathlib.Path(sys.argv[1])) as store:
    store.intents.put(sys.argv[2], "submit", {})
"""

LOOK = """
import sys, sqlite3
sql = sqlite3.connect(sys.argv[1])
sql.execute("SELECT * FROM runs").fetchall()
sql.close()
"""

DIE = """
import sys, os, pathlib
from neronet.store import Store
Store(pathlib.Path(sys.argv[1])).start_writing()
os._exit(1)
"""

READ = """
import sys, pathlib, time
from neronet.store import Store
looks = moves = seen = 0
with Store(pathlib.Path(sys.argv[1])) as store:
    print("ready", flush=True)
    while seen < 3000:
        with store.snapshot():
            count = store.offsets.journals("0123456789abcdef").get("kid.log", 0)
            points = store.points.read(1, "loss")
            runs = store.runs.find()
            changed = store.runs.changed_since(0)[1]
        assert list(points.value) == list(range(count)), (count, len(points.value))
        assert [run.number for run in runs] == changed
        assert count >= seen
        looks, moves, seen = looks + 1, moves + (count > seen), count
print(looks, moves)
"""


@contextmanager
def as_nobody(*paths: Path) -> Iterator[None]:
    """Root may write everything: as somebody else, who owns these paths, it may not."""
    if os.geteuid() != 0:
        yield
        return
    for path in paths:
        os.chown(path, 65534, 65534)
        for above in path.parents[:-1]:
            above.chmod(above.stat().st_mode | 0o011)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def overwrite(path: Path, where: int, data: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(where)
        file.write(data)


def test_nobody_else_can_read_it(tmp_path):
    before = os.umask(0)
    try:
        with Store(tmp_path / "a" / "home") as store:
            submit(store, "a")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in store.path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"neronet.db": 0o600, "neronet.db-wal": 0o600, "neronet.db-shm": 0o600}
    assert stat.S_IMODE((tmp_path / "a" / "home").stat().st_mode) == 0o700
    store.path.chmod(0o644)
    with Store(tmp_path / "a" / "home"):
        assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_opening_it_a_second_time_in_a_process_does_not_take_the_locks_of_the_first_away(tmp_path):
    with Store(tmp_path) as store:
        with Store(tmp_path):
            pass
        # Another process that closes last removes the log of changes, unless it sees our lock.
        subprocess.run([sys.executable, "-c", LOOK, store.path], check=True)
        assert (tmp_path / "neronet.db-wal").exists()


def test_several_processes_may_make_it_at_once(tmp_path):
    home = tmp_path / "home"
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, home, f"i{i}"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for i in range(6)
    ]
    for program in programs:
        program.stdin.write(b"\n")
        program.stdin.flush()
    assert [program.communicate()[1] for program in programs] == [b""] * 6
    with Store(home) as store:
        assert {intent.id for intent in store.intents.open()} == {f"i{i}" for i in range(6)}


def test_an_interrupt_at_any_moment_leaves_the_store_as_usable_as_before(tmp_path):
    """Ctrl-C, or the interrupt of a kernel: what was not committed is gone, all else works on."""

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    rolls, interrupted = random.Random(7), 0
    try:
        with Store(tmp_path) as store, Store(tmp_path) as other:
            for n in range(400):
                try:
                    signal.setitimer(signal.ITIMER_REAL, rolls.uniform(2e-5, 1e-3))
                    for _ in range(200):
                        with store.snapshot():
                            store.runs.find()
                        with store.transaction(durable=rolls.random() < 0.5):
                            store.events.add(float(n), "made", "by the one that is interrupted")
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except KeyboardInterrupt:
                    interrupted += 1
                other.events.add(float(n), "seen", f"{n}")
                # It neither holds the file nor looks at an old moment.
                assert [event.text for event in store.events.find(kinds=("seen",))] == [
                    str(k) for k in range(n + 1)
                ]
                with store.transaction():
                    store.events.add(float(n), "then", "")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 300


def test_two_readers_see_whole_transactions_while_one_writes(tmp_path):
    with Store(tmp_path) as store:
        submit(store, "a", "b")
        command = [sys.executable, "-c", READ, tmp_path]
        readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for reader in readers:
            assert reader.stdout.readline() == "ready\n"
        for count in range(0, 3000, 5):
            with store.transaction():
                store.points.add(1, 1, 0, records(range(count, count + 5), start=10 * count))
                store.offsets.set_journal(TOKEN, "kid.log", count + 5)
        for reader in readers:
            looks, moves = map(int, reader.communicate(timeout=30)[0].split())
            assert reader.returncode == 0
            assert looks >= moves >= 1


def test_a_look_tells_whether_another_connection_wrote(tmp_path):
    with Store(tmp_path) as store, Store(tmp_path) as other:
        before = store.data_version()
        assert store.data_version() == before
        submit(other, "a")
        assert store.data_version() != before


def test_another_thread_does_not_see_the_half_of_a_transaction(store):
    with ThreadPoolExecutor(1) as pool:
        with store.transaction():
            store.offsets.set_journal(TOKEN, "kid.log", 1)
            seen = pool.submit(store.offsets.journals, TOKEN)
            time.sleep(0.05)
            store.offsets.set_journal(TOKEN, "kid.log", 2)
        assert seen.result() == {"kid.log": 2}


def test_a_snapshot_stays_as_it_was(tmp_path):
    with Store(tmp_path) as store, Store(tmp_path) as writer:
        with store.snapshot():
            assert store.runs.find() == []
            submit(writer, "a")
            with store.snapshot():
                assert store.runs.find() == []
        assert len(store.runs.find()) == 1


def test_transactions_inside_of_each_other_are_one(store):
    submit(store, "a")
    with undone(store), store.transaction():
        store.offsets.set_journal(TOKEN, "kid.log", 5)
    assert store.offsets.journals(TOKEN) == {}


def test_what_cannot_be_promised_is_refused(store):
    with store.transaction(), pytest.raises(RuntimeError, match="durable"):
        store.intents.put("i1", "submit", {})
    with store.snapshot(), pytest.raises(RuntimeError, match="snapshot"):
        store.offsets.set_journal(TOKEN, "kid.log", 5)
    with store.transaction(durable=True):
        store.intents.put("i2", "submit", {})
    assert [intent.id for intent in store.intents.open()] == ["i2"]


def test_intents_and_submissions_are_on_the_disk_and_points_need_not_wait_for_it(store):
    def settings() -> tuple[str, int]:
        sql = store._db.row
        return sql("PRAGMA journal_mode")[0], sql("PRAGMA synchronous")[0]

    full, normal = 2, 1
    submit(store, "a")
    assert settings() == ("wal", full)
    store.points.add(1, 1, 0, records([1.0]))
    assert settings() == ("wal", normal)
    store.intents.put("i1", "submit", {})
    assert settings() == ("wal", full)


def test_a_closed_store_says_so(tmp_path):
    store = Store(tmp_path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="was closed"):
        store.runs.find()


def test_another_process_that_does_not_let_go_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(db, "BUSY", 0.05)
    with Store(tmp_path) as store, Store(tmp_path) as other, other.transaction():
        with pytest.raises(StoreError, match="kept busy") as caught:
            submit(store, "a")
        assert "engine status" in caught.value.hint
    with Store(tmp_path) as store:
        assert submit(store, "a") == [1]


def test_errors_of_our_own_stay_what_they_are(store):
    submit(store, "a")
    with pytest.raises(sqlite3.IntegrityError):
        store.attempts.add(1, TOKEN, 0, "gpu1", attempt=1)


def test_a_store_of_a_newer_neronet_is_left_alone(tmp_path):
    with Store(tmp_path) as store:
        submit(store, "a")
    with closing(sqlite3.connect(store.path)) as sql:
        sql.execute("PRAGMA user_version = 99")
    before = store.path.read_bytes()
    with pytest.raises(StoreError, match=r"newer Neronet \(format 99") as caught:
        Store(tmp_path)
    assert "upgrade" in caught.value.hint
    assert store.path.read_bytes() == before


def test_the_database_of_another_program_is_left_alone(tmp_path):
    with closing(sqlite3.connect(tmp_path / "neronet.db")) as sql:
        sql.execute("CREATE TABLE theirs (x)")
    before = (tmp_path / "neronet.db").read_bytes()
    with pytest.raises(StoreError, match="not one of Neronet"):
        Store(tmp_path)
    assert (tmp_path / "neronet.db").read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    (tmp_path / "neronet.db").write_bytes(b"a diary\n" * 1000)
    with pytest.raises(StoreError, match="no database") as caught:
        Store(tmp_path)
    assert "nerocli recover" in caught.value.hint
    assert (tmp_path / "neronet.db").read_bytes() == b"a diary\n" * 1000


def fill_and_damage(home: Path) -> None:
    with Store(home) as store:
        submit(store, *map(str, range(300)))
    pages = store.path.stat().st_size // 4096
    for page in range(pages // 2, pages):
        overwrite(store.path, 4096 * page, b"\xff" * 2048)


def test_damage_is_found_by_the_first_writer_after_an_unclean_stop(tmp_path):
    subprocess.run([sys.executable, "-c", DIE, tmp_path], check=False)
    with Store(tmp_path) as store:
        store.start_writing()
    subprocess.run([sys.executable, "-c", DIE, tmp_path], check=False)
    fill_and_damage(tmp_path)
    with Store(tmp_path) as store:
        with pytest.raises(StoreError, match="is damaged: ") as caught:
            store.start_writing()
        assert "nerocli recover" in caught.value.hint


def test_after_a_clean_stop_nothing_is_searched(tmp_path):
    with Store(tmp_path) as store:
        store.start_writing()
    fill_and_damage(tmp_path)
    with Store(tmp_path) as store:
        store.start_writing()
        with pytest.raises(StoreError, match="is damaged"):
            store.runs.find()


def test_an_older_store_is_brought_up_to_date_and_a_copy_of_it_kept(tmp_path, monkeypatch):
    with Store(tmp_path) as store:
        submit(store, "a")
    now = schema.VERSION
    monkeypatch.setattr(schema, "VERSION", now + 2)
    steps = {
        now: "CREATE TABLE one (x);\nINSERT INTO one VALUES (7);\n",
        now + 1: "ALTER TABLE one ADD COLUMN y;\n",
    }
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    with Store(tmp_path) as store:
        assert store._db.row("SELECT x, y FROM one") == (7, None)
        assert [run.name for run in store.runs.find()] == ["a"]
    monkeypatch.undo()
    copy = tmp_path / f"neronet.db.v{schema.VERSION}"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    copy.replace(tmp_path / "neronet.db")
    with Store(tmp_path) as store:
        assert [run.name for run in store.runs.find()] == ["a"]


def test_a_store_of_the_first_format_keeps_its_points_and_goes_on(tmp_path):
    with Store(tmp_path) as store:
        submit(store, "a")
        store.points.add(1, 1, 1, [(5.0, [["loss", 0.5, 10, None]])])
        data = store._db.row("SELECT data FROM heads")[0]
        rows = {table: store._db.rows(f"SELECT * FROM {table}") for table in ("metrics", "chunks", "meta")}
        rows["attempts"] = [row[:-1] for row in store._db.rows("SELECT * FROM attempts")]
        run = store._db.rows("SELECT * FROM runs")[0][:-1]
    for file in tmp_path.glob("neronet.db*"):
        file.unlink()
    with closing(sqlite3.connect(tmp_path / "neronet.db")) as old, old:
        old.executescript((Path(__file__).parent / "tables_1.sql").read_text())
        old.execute("DELETE FROM meta")
        for table, content in [
            *rows.items(),
            ("runs", [run]),
            ("heads", [((1 << 16) + 1, -1, 10, -1, data)]),
        ]:
            for row in content:
                old.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        old.execute(f"PRAGMA application_id = {schema.APPLICATION}")
        old.execute("PRAGMA user_version = 1")
    with Store(tmp_path) as store:
        again = [(5.0, [["loss", 0.5, 10, None]]), (6.0, [["loss", 0.25, 20, None]])]
        assert store.points.add(1, 1, 1, again) == 1
        assert (
            store.points.add(1, 1, 7, [(7.0, [["other", 1.0, 0, None]])]) == 1
        )  # a stream that it did not have
        assert list(store.points.read(1, "loss").value) == [0.5, 0.25]
        store.events.add(8.0, "note", "x", run=1, data={"value": 1.5})
        assert store.events.find()[-1].data == {"value": 1.5}
        assert store.attempts.environments([1]) == {}
        store.attempts.describe(1, 1, {"host": "gpu1", "cores": 4})
        assert store.attempts.environments([1]) == {1: {"host": "gpu1", "cores": 4}}


def test_a_failed_upgrade_changes_nothing(tmp_path, monkeypatch):
    with Store(tmp_path) as store:
        submit(store, "a")
    now = schema.VERSION
    monkeypatch.setattr(schema, "VERSION", now + 2)
    monkeypatch.setattr(schema, "MIGRATIONS", {now: "CREATE TABLE one (x);\n", now + 1: "nonsense"})
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="nonsense"):
            Store(tmp_path)
    monkeypatch.undo()
    with Store(tmp_path) as store:
        assert [run.name for run in store.runs.find()] == ["a"]
        assert store._db.row("SELECT 1 FROM sqlite_master WHERE name = 'one'") is None


def test_a_home_that_may_only_be_read_is_said(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o500)
    with as_nobody(home), pytest.raises(StoreError, match="cannot be opened") as caught:
        Store(home)
    assert "NERONET_HOME" in caught.value.hint
    home.chmod(0o700)


@pytest.mark.parametrize(("mode_of_home", "mode"), [(0o500, 0o400), (0o500, 0o600), (0o700, 0o400)])
def test_a_store_that_may_only_be_read_is_said(tmp_path, mode_of_home, mode):
    home = tmp_path / "home"
    with Store(home) as store:
        submit(store, "a")
    store.path.chmod(mode)
    home.chmod(mode_of_home)
    with as_nobody(home, store.path):
        with pytest.raises(StoreError, match=r"cannot be (opened|written)") as caught, Store(home) as again:
            submit(again, "b")
        assert "writable" in caught.value.hint
    home.chmod(0o700)
    store.path.chmod(0o600)
    with Store(home) as store:
        assert [run.name for run in store.runs.find()] == ["a"]


MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:35 / /home/me\\040too rw,nosuid - nfs4 server:/home rw,vers=4.2
41 22 0:36 / /mnt rw - fuse.sshfs me@host: rw
"""


def test_network_file_systems_are_known_by_their_device():
    assert file_system_type(MOUNTS, os.makedev(254, 0)) == "ext4"
    assert file_system_type(MOUNTS, os.makedev(0, 35)) == "nfs4"
    assert file_system_type(MOUNTS, os.makedev(9, 9)) == ""
    assert {"nfs4", "fuse.sshfs"} <= filesystem.NETWORK
    assert not {"ext4", "xfs", "btrfs", "tmpfs", "overlay", "apfs"} & filesystem.NETWORK


def test_a_local_folder_is_not_on_the_network(tmp_path):
    assert network_file_system(tmp_path) == ""
    with Store(tmp_path) as store:
        assert store.network_file_system == ""


def test_on_a_network_file_system_no_memory_is_shared(tmp_path, monkeypatch):
    with Store(tmp_path) as store:
        submit(store, "a")
    monkeypatch.setattr(db, "network_file_system", lambda _: "nfs4")
    with Store(tmp_path) as store, Store(tmp_path) as reader:
        assert store.network_file_system == "nfs4"
        version = reader.data_version()
        (run,) = store.runs.add([new_run("b", 0, "f" * 16)], folder)
        end(store, run)
        assert {file.name for file in tmp_path.iterdir()} <= {"neronet.db", "neronet.db-journal"}
        assert store._db.row("PRAGMA synchronous") == (2,)
        assert reader.data_version() != version
        assert [row.state for row in reader.runs.find()] == ["submitting", "finished"]
