"""The desktop, services of Apprise, the keyring, and what `nerocli notify` says of them."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import pytest

from neronet import Neroman
from neronet.engine.notify import deliver
from neronet.errors import NotifyError
from neronet.spec.notify import Channel, Secret
from neronet.store import Store
from tests.cli.fakes import Said, said
from tests.e2e.cli import Cli
from tests.notify.mailserver import PASSWORD, MailServer, fail, notify, sweep
from tests.notify.test_notify_mail import Start, ready
from tests.plugins import install
from tests.waiting import until

pytestmark = pytest.mark.slow


class Service(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[dict[str, str]] = []
        self.logins: list[str | None] = []
        self.answer = 200


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.logins.append(self.headers["Authorization"])
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    threading.Thread(target=service.serve_forever, daemon=True).start()
    yield service
    service.shutdown()
    service.server_close()


def test_a_service_of_apprise_is_told_and_the_password_stays_out_of_the_file(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "p/w")
    url = f"json://me:{{password}}@127.0.0.1:{service.server_port}/"
    deliver.test(Channel(url, password=Secret("env", "TOKEN")))
    assert service.got[0]["title"] == "neronet: a test message"
    assert service.logins == ["Basic bWU6cC93"]  # me:p/w


def test_what_a_service_refuses_is_said_without_the_url(service: Service) -> None:
    service.answer = 403
    with pytest.raises(NotifyError) as caught:
        deliver.test(Channel(f"json://me:secret@127.0.0.1:{service.server_port}/"))
    assert "did not take the message" in str(caught.value) and "secret" not in str(caught.value)
    with pytest.raises(NotifyError, match="Apprise cannot use this URL"):
        deliver.test(Channel("nothing://secret"))


def test_the_desktop_gets_the_texts_as_arguments(
    home: Path, store: Store, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "notify-send"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done >>{tmp_path}/shown\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    (home / "preferences.yaml").write_text("notify: [{to: desktop, join: 0.1 s}]\n")
    sweep(store, 1, "lang/$(touch evil)")
    ready(store, start)
    fail(store, 1)
    until((tmp_path / "shown").exists)
    until(lambda: not store.outbox.messages())
    lines = (tmp_path / "shown").read_text().splitlines()
    assert lines[:3] == ["--app-name=Neronet", "--", "neronet: lang/$(touch evil)=0 failed: exit code 3"]


def test_status_says_in_a_line_that_notify_is_broken_and_how_to_test_it(home: Path, store: Store) -> None:
    def status(*more: str) -> Said:
        return said("status", *more, neroman=Neroman(home))

    assert status().err == ""
    preferences = home / "preferences.yaml"
    preferences.write_text("notify:\n  - to: desktop\n    events: [fialed]\n")
    answer = status()
    assert f"notify included, while this is wrong: {preferences}:3:14: 'fialed' is no event" in answer.err
    assert "nerocli notify test" in answer.err and answer.code == 0
    assert json.loads(status("--json").out)["runs"] == []
    preferences.write_text("notify: [{to: desktop}]\n")
    store.outbox.gather(Channel("desktop").key, [], 1.0)
    assert status().err == ""
    (message,) = store.outbox.messages()
    store.outbox.set_state(message.id, "due", 2.0, tried=True, problem="notify-send is not installed")
    assert "a message to desktop could not be sent yet: notify-send is not installed" in status().err


class Ring(keyring.backend.KeyringBackend):
    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


def test_the_password_comes_from_the_keyring(server: MailServer, home: Path) -> None:
    from neronet.spec.preferences import load_preferences

    notify(server, home, password="keyring")
    (channel,) = load_preferences(home / "preferences.yaml").notify
    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    try:
        with pytest.raises(NotifyError, match="the keyring has no password of me@127.0.0.1") as caught:
            deliver.test(channel)
        assert caught.value.hint == "keyring set neronet me@127.0.0.1"
        keyring.set_password("neronet", "me@127.0.0.1", PASSWORD)
        deliver.test(channel)
    finally:
        keyring.set_keyring(before)
    assert len(server.mails) == 1


def test_nerocli_sends_a_test_message_and_tells_how_each_channel_stands(
    server: MailServer, home: Path, store: Store, start: Start
) -> None:
    cli = Cli(home)
    assert "does not say whom to tell" in cli("notify", "test", code=2)
    notify(server, home, "  - to: json://127.0.0.1:9/secret\n    join: 0.2 s\n")
    said = cli("notify", "test", code=1)
    assert "me@example.org: a test message is on its way" in said
    assert "json://...: it did not take the message" in said and "secret" not in said
    assert server.subjects() == ["neronet: a test message"]
    sweep(store, 1)
    ready(store, start)
    fail(store, 1)
    until(lambda: len(server.mails) == 2)
    until(lambda: any(message.tries for message in store.outbox.messages()))
    mail, web = cli.run("notify", "status", "--json").stdout and json.loads(
        cli.run("notify", "--json").stdout
    )
    assert mail["to"] == "me@example.org" and mail["subject"] == "neronet: lang/x=0 failed: exit code 3"
    assert (web["waiting"], web["tries"] > 0, mail["waiting"], mail["tries"]) == (1, True, 0, 0)
    assert "1 event not told yet" in (said := cli("notify", code=1)) and "it did not take the message" in said


def test_an_engine_that_is_stopped_leaves_the_message_to_the_next_one(
    server: MailServer, home: Path, store: Store, start: Start
) -> None:
    notify(server, home)
    sweep(store, 2)
    engine = ready(store, start)
    server.on = lambda step: time.sleep(1.0) if step == "mail" else None
    fail(store, 1)
    until(lambda: "mail" in server.steps)
    begun = time.monotonic()
    engine.stop()
    assert time.monotonic() - begun < 5 and not server.mails
    server.on = lambda step: None
    start()
    until(lambda: not store.outbox.messages())
    assert server.subjects() == ["neronet: lang/x=0 failed: exit code 3"]


def test_an_error_of_our_own_after_the_handing_over_does_not_send_it_again(
    service: Service, home: Path, store: Store, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []

    def break_(*given: Any) -> None:
        sent.append(given[3].id)
        given[5]("a subject")
        if len(sent) == 1:
            raise ZeroDivisionError

    monkeypatch.setattr(deliver, "message", break_)
    (home / "preferences.yaml").write_text("notify: [{to: desktop, join: 0.1 s, at_most: 1000 per 1s}]\n")
    sweep(store, 2)
    ready(store, start)
    fail(store, 1)
    until(lambda: len(sent) == 2 and not store.outbox.messages())
    assert len(set(sent)) == 2
    assert [message.subject for message in store.outbox.messages(("unsure",))] == ["a subject"]


def test_another_package_may_send_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "def send(url, subject, text):\n"
        "    if 'broken' in url: raise OSError('its server is gone: ' + url[8:].replace('%2F', '/'))\n"
        f"    open({str(tmp_path / 'sent')!r}, 'a').write(url + ' ' + subject)\n"
    )
    install(tmp_path / "site", monkeypatch, "neronet.notifiers", "pager", "neronet_pager:send", source)
    deliver.test(Channel("pager://me@here"))
    assert (tmp_path / "sent").read_text() == "pager://me@here neronet: a test message"
    monkeypatch.setenv("TOKEN", "p/w")
    with pytest.raises(NotifyError) as caught:
        deliver.test(
            Channel("pager://me:{password}@broken.example/ABCDEFGH", password=Secret("env", "TOKEN"))
        )
    text = "neronet_pager:send did not send it: its server is gone: me:...@broken.example/..."
    assert str(caught.value) == text, "neither the password nor what may be a token"
