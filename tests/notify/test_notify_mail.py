"""Mail as a real server with TLS and a login receives it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from neronet.engine.loop import Engine
from neronet.engine.notify import deliver, mail, rules
from neronet.engine.notifying import Notifying
from neronet.errors import NotifyError
from neronet.spec.preferences import load_preferences
from neronet.store import Store
from tests.notify.mailserver import PASSWORD, USER, MailServer, fail, notify, sweep
from tests.store.store_tools import records
from tests.waiting import until

pytestmark = pytest.mark.slow

Start = Callable[[], Engine]


def ready(store: Store, start: Start) -> Engine:
    """The engine, once what happens counts as new."""
    engine = start()
    until(store.outbox.marks)
    return engine


def test_a_failed_run_is_told_with_its_reason_parameters_curve_log_and_what_to_type(
    server: MailServer, home: Path, store: Store, start: Start
) -> None:
    notify(server, home, "    log_lines: 2\n")
    (run,) = sweep(store, 1)
    ready(store, start)
    store.points.add(run, 1, 0, records([50.0, 49.0, 47.5, 47.0, 46.0]))
    row = store.runs.get(run)
    assert row is not None
    folder = home / "results" / row.results
    folder.mkdir(parents=True)
    (folder / "stderr.log").write_text("first\nTraceback\n  <b>ValueError</b>\x1b[31m\n")
    fail(store, run)
    until(lambda: server.mails)

    (mail,) = server.mails
    assert mail["Subject"] == "neronet: lang/x=0 failed: exit code 3"
    assert (mail["To"], mail["From"]) == ("me@example.org", "neronet@example.org")
    text = server.text()
    for part in (
        "lang/x=0 failed: exit code 3.",
        "gpu1",
        "x  0",
        "loss 46",
        "nerocli status 1",
        "nerocli logs 1",
    ):
        assert part in text
    assert "Traceback\n" in text and "<b>ValueError</b>\n" in text and "first" not in text
    page = mail.get_body(("html",))
    assert page is not None
    assert "&lt;b&gt;ValueError" in page.get_content() and "src='cid:curve'" in page.get_content()
    (picture,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert picture["Content-ID"] == "<curve>" and picture.get_payload(decode=True).startswith(b"\x89PNG")  # type: ignore[union-attr]
    assert server.logins == ["me"]


def test_log_lines_are_private_unless_asked_for(
    server: MailServer, home: Path, store: Store, start: Start
) -> None:
    notify(server, home)
    (run,) = sweep(store, 1)
    ready(store, start)
    row = store.runs.get(run)
    assert row is not None
    (home / "results" / row.results).mkdir(parents=True)
    (home / "results" / row.results / "stderr.log").write_text("secret\n")
    fail(store, run)
    until(lambda: server.mails)
    assert b"secret" not in server.raw[0]


def test_five_hundred_failures_are_one_message_with_counts_and_the_usual_reasons(
    server: MailServer, home: Path, store: Store, start: Start
) -> None:
    notify(server, home, join="2 s")
    runs = sweep(store, 500)
    ready(store, start)
    for run in runs[:480]:
        fail(store, run)
    for run in runs[480:]:
        fail(store, run, "out of memory")
    until(lambda: server.mails and not store.outbox.messages(), timeout=60)
    (subject,) = server.subjects()
    assert subject == "neronet: the sweep lang has ended: 500 failed; 500 runs of lang failed"
    text = server.text()
    assert "480  exit code 3" in text and "20   out of memory" in text
    assert "#1   lang/x=0: exit code 3" in text and "and 490 more" in text
    assert len(server.raw[0]) < 20_000


def test_what_happened_before_notify_was_configured_is_not_told(
    server: MailServer, home: Path, store: Store, start: Start
) -> None:
    old, new = sweep(store, 2)
    fail(store, old)
    notify(server, home)
    ready(store, start)
    fail(store, new, "out of memory")
    until(lambda: server.mails)
    assert server.subjects() == [
        "neronet: the sweep lang has ended: 2 failed; lang/x=1 failed: out of memory"
    ]


def test_the_engine_follows_edits_and_is_busy_only_while_there_is_something_to_tell(
    server: MailServer, home: Path, store: Store, start: Start
) -> None:
    first, second = sweep(store, 2)
    engine = start()
    fail(store, first)
    notify(server, home)
    until(store.outbox.marks)
    until(lambda: not engine.busy())
    server.on = lambda step: None
    fail(store, second)
    until(engine.busy)
    until(lambda: server.mails and not engine.busy())
    (home / "preferences.yaml").write_text("notify:\n")
    until(lambda: not store.outbox.marks())


def test_a_server_that_is_down_gets_the_message_when_it_is_back(
    server: MailServer, home: Path, store: Store, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "PAUSES", (0.3,))
    notify(server, home)
    server.stop()
    runs = sweep(store, 3)
    ready(store, start)
    fail(store, runs[0])
    until(lambda: any(message.tries > 1 for message in store.outbox.messages()))
    fail(store, runs[1])
    problems = [event.text for event in store.events.find() if event.kind == "problem"]
    assert len(problems) == 1 and f"nothing listens at 127.0.0.1:{server.port}" in problems[0]
    server.start()
    until(lambda: len(server.mails) == 2)
    assert server.subjects() == [
        "neronet: lang/x=0 failed: exit code 3",
        "neronet: lang/x=1 failed: exit code 3",
    ]


def test_a_message_that_nobody_takes_for_a_day_is_given_up_and_said(
    server: MailServer, home: Path, store: Store, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "PAUSES", (0.1,))
    monkeypatch.setattr(rules, "GIVE_UP", 1.0)
    notify(server, home)
    server.answer = "451 try later"
    (run,) = sweep(store, 1)
    ready(store, start)
    fail(store, run)
    until(lambda: store.outbox.messages(("failed",)))
    last = [event.text for event in store.events.find() if event.kind == "problem"][-1]
    assert "was given up" in last and "451 try later" in last
    assert len(server.steps) > 3 and not server.mails


def test_a_message_that_was_made_days_ago_is_not_given_up_at_its_next_try(
    server: MailServer, home: Path, store: Store, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop that was closed meanwhile may have no network yet in the moment in which it wakes."""
    monkeypatch.setattr(rules, "PAUSES", (0.1,))
    monkeypatch.setattr(rules, "GIVE_UP", 0.0)
    notify(server, home)
    server.answer = "451 try later"
    (run,) = sweep(store, 1)
    ready(store, start)
    fail(store, run)
    until(lambda: any(message.tries > 2 for message in store.outbox.messages(("due", "failed"))))
    server.answer = "250 OK"
    until(lambda: server.mails)


def test_a_message_that_is_late_is_not_sent_in_quiet_hours(
    server: MailServer, home: Path, store: Store, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "PAUSES", (1000.0,))
    notify(server, home)
    server.answer = "451 try later"
    (run,) = sweep(store, 1)
    ready(store, start)
    fail(store, run)
    until(lambda: any(message.tries for message in store.outbox.messages()))
    server.answer = "250 OK"
    begin, end = (time.strftime("%H:%M", time.localtime(time.time() + hours * 3600)) for hours in (-1, 2))
    notify(server, home, f"    quiet: '{begin}-{end}'\n")  # what waits is due when the file was saved
    time.sleep(1.0)
    assert not server.mails
    notify(server, home)
    until(lambda: server.mails)


def test_what_waits_to_be_told_outlives_an_editor_that_empties_the_file_before_it_writes_it(
    server: MailServer, home: Path, store: Store
) -> None:
    notify(server, home, "    digest: daily 08:00\n")
    text = (home / "preferences.yaml").read_text()
    told = Notifying(store, home, lambda: True)
    (run,) = sweep(store, 1)
    told.look()
    fail(store, run)
    told._next = 0.0
    told.look()
    assert len(store.outbox.messages()) == 1
    for content in ("", text, text):
        (home / "preferences.yaml").write_text(content)
        told._next = 0.0
        told.look()
    assert len(store.outbox.messages()) == 1


def test_a_clock_that_was_set_back_holds_no_message_back(
    server: MailServer, home: Path, store: Store, start: Start
) -> None:
    notify(server, home)
    path = home / "preferences.yaml"
    path.write_text(path.read_text().replace("1000 per 1s", "1 per 1s"))
    first, second = sweep(store, 2)
    ready(store, start)
    fail(store, first)
    until(lambda: store.outbox.messages(("sent",)))
    with store.transaction() as sql:
        sql.execute("UPDATE outbox SET changed = changed + 3e7 WHERE state = 'sent'")
    fail(store, second)
    until(lambda: len(server.mails) == 2)


def test_a_name_cannot_add_a_header(server: MailServer, home: Path, store: Store, start: Start) -> None:
    notify(server, home)
    sweep(store, 1, "lang/\u202ek\N{SNOWMAN}\r\nBcc: everybody@example.org\r\n\r\n.\r\nQUIT\r\n")
    ready(store, start)
    fail(store, 1, "line\n.\n\r\nX-Evil: yes\r\n")
    until(lambda: server.mails)
    (mail,) = server.mails
    assert sorted(mail.keys()) == sorted(
        ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "MIME-Version", "X-Peer",
         "X-MailFrom", "X-RcptTo")
    ) or not {"Bcc", "X-Evil"} & set(mail.keys())  # fmt: skip
    assert "\N{SNOWMAN}" in mail["Subject"] and "\u202e" not in mail["Subject"]
    assert "nerocli logs 1" in server.text()


@pytest.mark.parametrize("starttls", [False, True])
def test_both_kinds_of_tls_work(pem: Path, home: Path, starttls: bool) -> None:
    server = MailServer(pem, starttls)
    server.start()
    try:
        notify(server, home)
        (channel,) = load_preferences(home / "preferences.yaml").notify
        deliver.test(channel)
        assert server.subjects() == ["neronet: a test message"]
    finally:
        server.stop()


def test_a_server_without_login_is_greeted_before_the_mail(pem: Path, home: Path) -> None:
    server = MailServer(pem, login=False)  # it answers 503 to whoever does not say EHLO first
    server.start()
    try:
        notify(server, home)
        path = home / "preferences.yaml"
        path.write_text(path.read_text().replace(f"user: {USER}, password: insecure {PASSWORD},", ""))
        (channel,) = load_preferences(path).notify
        deliver.test(channel)
        assert server.subjects() == ["neronet: a test message"] and not server.logins
    finally:
        server.stop()


def problem(server: MailServer, home: Path, old: str = "", new: str = "", **given: str) -> str:
    notify(server, home, **given)
    path = home / "preferences.yaml"
    path.write_text(path.read_text().replace(old, new) if old else path.read_text())
    preferences = load_preferences(path)
    preferences.check()
    with pytest.raises(NotifyError) as caught:
        deliver.test(preferences.notify[0])
    assert not server.mails
    return f"{caught.value} ({caught.value.hint})"


def test_a_password_that_smtp_cannot_carry_is_said_without_a_word_of_it(
    server: MailServer, home: Path
) -> None:
    said = problem(server, home, password="insecure gehe\u00efm")
    assert "beyond ASCII" in said and "gehe" not in said


def test_a_wrong_password_is_said(server: MailServer, home: Path) -> None:
    assert "127.0.0.1 refuses the password of me" in problem(server, home, password="insecure wrong")


def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_password_is_sent(
    server: MailServer, home: Path
) -> None:
    said = problem(server, home, f", ca: {server.pem}")
    assert "the certificate of 127.0.0.1 is not valid: self-signed" in said and "ca: FILE" in said
    assert server.logins == []


def test_a_certificate_of_another_host_is_refused(server: MailServer, home: Path) -> None:
    said = problem(server, home, "host: 127.0.0.1", "host: 127.0.0.2")
    assert "nothing listens" in said or "is not valid" in said


def test_the_wrong_kind_of_tls_is_said(
    server: MailServer, home: Path, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "TIMEOUT", 1.0)
    said = problem(server, home, "security: tls", "security: starttls")
    assert "does not answer" in said and "security: tls" in said
    other = MailServer(pem, starttls=True)
    other.start()
    try:
        assert "write security: starttls" in problem(other, home, "security: starttls", "security: tls")
    finally:
        other.stop()


def test_an_unknown_host_is_said(server: MailServer, home: Path) -> None:
    assert "no address is known for the host" in problem(server, home, "127.0.0.1", "mail.invalid")


def test_a_password_that_is_not_there_is_said(
    server: MailServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NERONET_SMTP", raising=False)
    assert "the environment has no NERONET_SMTP" in problem(server, home, password="env NERONET_SMTP")
    monkeypatch.setenv("NERONET_SMTP", "wrong")
    assert "refuses the password" in problem(server, home, password="env NERONET_SMTP")
