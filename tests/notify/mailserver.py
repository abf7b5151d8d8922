"""A real SMTP server with TLS and a login, and runs for the engine to tell of."""

# ruff: noqa: N802 (aiosmtpd finds its handlers by their names)
from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from neronet.store import Store
from tests.store.store_tools import submit

USER, PASSWORD = "me", "open sesame"


def certificate(folder: Path) -> Path:
    """One of its own for 127.0.0.1; certificate and key in one file."""
    path, key = folder / "server.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
         "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key,
         "-out", path],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


class MailServer:
    """Keeps the mails that it accepted, as they came. `on` is called at each step: connect, mail, data."""

    def __init__(self, pem: Path, starttls: bool = False, login: bool = True) -> None:
        self.pem, self.starttls, self.login = pem, starttls, login
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.logins: list[str] = []
        self.steps: list[str] = []
        self.on: Callable[[str], None] = lambda step: None
        self.answer = "250 OK"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._controller: Controller | None = None

    def start(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem, self.pem.with_name("key.pem"))
        tls: dict[str, Any] = {"tls_context": context} if self.starttls else {"ssl_context": context}
        self._controller = Controller(
            self, "127.0.0.1", self.port, authenticator=self._login, auth_required=self.login,
            auth_require_tls=self.starttls, enable_SMTPUTF8=False, **tls,
        )  # fmt: skip
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def _login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        known = data.login == USER.encode() and data.password == PASSWORD.encode()
        return AuthResult(success=known, handled=False)

    def _step(self, step: str) -> None:
        self.steps.append(step)
        self.on(step)

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: Any
    ) -> Any:
        session.host_name = hostname
        self._step("connect")
        return responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        envelope.mail_from = address
        self._step("mail")
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self._step("data")
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.raw.append(envelope.content)
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return self.answer

    def text(self, number: int = 0) -> str:
        body = self.mails[number].get_body(("plain",))
        assert body is not None
        return str(body.get_content()).replace("\r\n", "\n")

    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]


def notify(
    server: MailServer,
    home: Path,
    more: str = "",
    password: str = f"insecure {PASSWORD}",
    join: str = "0.2 s",
) -> None:
    """Writes preferences that tell me@example.org by this server."""
    security = "starttls" if server.starttls else "tls"
    home.mkdir(mode=0o700, exist_ok=True)
    path = home / "preferences.yaml"
    path.with_suffix(".new").write_text(
        f"""\
notify:
  - to: me@example.org
    smtp: {{host: 127.0.0.1, port: {server.port}, security: {security}, user: {USER}, password: {password},
           from: neronet@example.org, ca: {server.pem}}}
    join: {join}
    at_most: 1000 per 1s
{more}"""
    )
    path.with_suffix(".new").replace(path)


def fail(store: Store, run: int, reason: str = "exit code 3", state: str = "failed") -> None:
    """The end of a run as the collector stores it."""
    now = time.time()
    with store.transaction():
        store.attempts.report(run, 1, "running", started=now - 60)
        store.attempts.report(run, 1, state, reason, ended=now)
        store.events.add(now, state, reason, run=run, attempt=1, node="gpu1")
        store.attempts.complete(run, 1)


def sweep(store: Store, count: int, prefix: str = "lang/x", token: str = "0" * 16) -> list[int]:
    return submit(store, *(f"{prefix}={n}" for n in range(count)), token=token)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def on_thread(do: Callable[[], None]) -> None:
    threading.Thread(target=do, daemon=True).start()
