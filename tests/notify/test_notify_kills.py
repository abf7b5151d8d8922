"""Kill -9 of a real engine while a real server takes its mails: nothing is doubled, nothing is lost unsaid."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neronet.engine.holder import holder
from neronet.store import Store
from tests.notify.mailserver import MailServer, fail, kill, notify, sweep
from tests.waiting import until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("NERONET_KILLS", "4"))

Begin = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def begin(home: Path) -> Iterator[Begin]:
    """Starts an engine in a process of its own; returns when it holds the home."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        code = "from neronet.engine.background import main; import sys; sys.exit(main())"
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", code, str(home)], env={**os.environ, "PYTHONPATH": str(ROOT)}
            )
        )
        until(lambda: (now := holder(home)) is not None and now.pid == started[-1].pid)
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(10)


def told(server: MailServer) -> Counter[str]:
    """Run -> how many mails tell that it failed; that an earlier one may not have arrived does not count."""
    found: Counter[str] = Counter()
    for number in range(len(server.mails)):
        lines = [line for line in server.text(number).splitlines() if "earlier message" not in line]
        found.update(set(re.findall(r"lang/x=\d+", "\n".join(lines))))
    return found


@pytest.mark.parametrize("step", ["connect", "mail", "data"])
def test_an_engine_killed_while_it_sends_neither_doubles_nor_loses(
    step: str, server: MailServer, home: Path, store: Store, begin: Begin
) -> None:
    notify(server, home)
    sweep(store, 3)
    engine = begin()
    until(store.outbox.marks)
    server.on = lambda now: kill(engine.pid) if now == step else None
    fail(store, 1)
    engine.wait(20)
    server.on = lambda now: None
    if step != "data":
        assert not server.mails
    begin()
    if step == "data":  # the server had it: the next message says that nobody knows
        until(lambda: len(server.mails) == 2)
        assert server.subjects()[1].startswith("neronet: an earlier message may not have reached you: ")
        assert "lang/x=0 failed" in server.text(1)
        texts = [event.text for event in store.events.find() if event.kind == "problem"]
        assert len(texts) == 1 and "perhaps not delivered: neronet: lang/x=0 failed" in texts[0]
    else:
        until(lambda: server.mails)
        assert server.subjects() == ["neronet: lang/x=0 failed: exit code 3"]
    time.sleep(1)
    assert told(server) == {"lang/x=0": 1} and not store.outbox.messages()


def test_kills_at_random_moments_double_nothing_and_lose_nothing(
    server: MailServer, home: Path, store: Store, begin: Begin
) -> None:
    seed = int(os.environ.get("NERONET_SEED", random.randrange(10**6)))
    print(f"NERONET_SEED={seed} NERONET_KILLS={KILLS}")
    choice = random.Random(seed)
    notify(server, home)
    runs = sweep(store, KILLS + 2)
    engine = begin()
    until(store.outbox.marks)
    for run in runs[:KILLS]:
        fail(store, run)
        time.sleep(choice.uniform(0.0, 1.6))
        engine.kill()
        engine.wait(10)
        engine = begin()
    fail(store, runs[KILLS])
    until(lambda: store.events.find()[-1].id <= store.outbox.marks().popitem()[1].event, timeout=60)
    until(lambda: not store.outbox.messages(), timeout=60)
    subjects = server.subjects()
    unsure = [message.subject for message in store.outbox.messages(("unsure",))]
    print(subjects, unsure)
    assert len({mail["Message-ID"] for mail in server.mails}) == len(server.mails)
    assert all(count == 1 for count in told(server).values())
    lost = list((Counter(unsure) - Counter(subjects)).elements())
    assert sum(map(failures, subjects)) + sum(map(failures, lost)) == KILLS + 1
    if lost:
        assert any("may not have reached you" in subject for subject in subjects)


def failures(subject: str) -> int:
    """Of how many failures a message of this subject tells."""
    said = subject.split("earlier message")[0]
    many = re.search(r"(?<![=\d])(\d+) (?:runs of lang )?failed", said)
    return int(many[1]) if many else len(re.findall(r"lang/x=\d+ failed", said))


def test_an_engine_without_notify_loads_nothing_for_it(home: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from neronet.engine.holder import Lease
from neronet.engine.loop import Engine
import neronet
home = Path(sys.argv[1])
lease = Lease(home)
lease.take("notebook", 5)
engine = Engine(home, lease)
engine.start()
time.sleep(0.7)
engine.stop()
print([name for name in ("apprise", "keyring", "smtplib", "neronet.engine.notify.deliver") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(home)], env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
