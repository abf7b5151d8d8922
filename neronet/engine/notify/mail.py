"""Mail: one message to one address over SMTP, handed over at most once."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from pathlib import Path

from neronet.engine.notify.secrets import password_of
from neronet.engine.notify.trouble import Lasting, Unsure
from neronet.engine.notify.writing import Written
from neronet.errors import NotifyError
from neronet.spec.notify import Channel, Smtp
from neronet.spec.problems import harmless

TIMEOUT = 30.0  # seconds for each step


def compose(channel: Channel, written: Written, message_id: str, now: float) -> bytes:
    """The mail as it goes over the wire. The policy refuses a line end in a header, whoever let one through."""
    assert channel.smtp is not None
    # A subject that is folded right behind its name is read with a blank before it.
    message = EmailMessage(policy=SMTP.clone(max_line_length=200) if written.subject.isascii() else SMTP)
    message["From"] = sender(channel)
    message["To"] = channel.to
    message["Subject"] = written.subject
    message["Date"] = formatdate(now, localtime=True)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"  # so that no absence note comes back
    message.set_content(written.text)
    message.add_alternative(written.html, subtype="html")
    if written.png is not None:
        page = message.get_payload()[1]  # type: ignore[index]
        page.add_related(written.png, "image", "png", cid="<curve>", filename="curve.png")  # type: ignore[union-attr]
    return message.as_bytes()


def sender(channel: Channel) -> str:
    smtp = channel.smtp
    assert smtp is not None
    return smtp.sender or (smtp.user if "@" in smtp.user else channel.to)


def send(channel: Channel, mail: bytes, hand_over: Callable[[], None]) -> None:
    """Sends it. `hand_over` is called when all of it is at the server but for the line that makes it count: until
    then the server forgets it when we die. Raises NotifyError; Unsure when it broke after that."""
    smtp = channel.smtp
    assert smtp is not None
    handed = False
    try:
        with closing(
            _connected(smtp)
        ) as server:  # not its own `with`: that says QUIT in the middle of a mail
            server.ehlo_or_helo_if_needed()  # `login` would say it, `mail` does not
            if smtp.user:
                _log_in(server, smtp)
            _expect(
                server.mail(sender(channel)), 250, f"{smtp.host} does not take mail from {sender(channel)}"
            )
            code, answer = server.rcpt(channel.to)
            _expect(
                (250 if code == 251 else code, answer),
                250,
                f"{smtp.host} does not take mail for {channel.to}",
            )
            _expect(server.docmd("DATA"), 354, f"{smtp.host} does not take mail now")
            # smtplib's own `data` would send the last line with the others.
            server.send(_quoted(mail))
            hand_over()
            handed = True
            server.send(b".\r\n")
            _expect(server.getreply(), 250, f"{smtp.host} refused the mail")
            handed = False
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                pass  # it has the mail
    except (OSError, smtplib.SMTPException) as error:
        if handed:
            raise Unsure(
                f"the connection to {smtp.host} broke before it said that it took the mail"
            ) from error
        raise explain(error, smtp) from error


def _connected(smtp: Smtp) -> smtplib.SMTP:
    name = socket.gethostname() or "localhost"
    hello = name if re.fullmatch(r"[A-Za-z0-9.-]+", name) else "localhost"
    if smtp.security == "none":
        return smtplib.SMTP(smtp.host, smtp.port, hello, TIMEOUT)
    context = ssl.create_default_context(cafile=_file(smtp.ca))
    if smtp.security == "tls":
        return smtplib.SMTP_SSL(smtp.host, smtp.port, hello, timeout=TIMEOUT, context=context)
    server = smtplib.SMTP(smtp.host, smtp.port, hello, TIMEOUT)
    try:
        server.starttls(context=context)
    except BaseException:
        server.close()
        raise
    return server


def _log_in(server: smtplib.SMTP, smtp: Smtp) -> None:
    try:
        server.login(smtp.user, password_of(smtp.password, f"{smtp.user}@{smtp.host}"))
    except UnicodeError:  # its words would hold the password
        hint = "many servers make passwords for programs, which have plain letters"
        raise Lasting(f"the user or the password for {smtp.host} has letters beyond ASCII", hint) from None


def _file(ca: str) -> str | None:
    if not ca:
        return None
    path = Path(ca).expanduser()
    if not path.is_file():
        raise Lasting(f"there is no file {path}", "ca: names a file of certificates in PEM")
    return str(path)


def _quoted(mail: bytes) -> bytes:
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", mail)
    quoted = re.sub(rb"(?m)^\.", b"..", lines)
    return quoted if quoted.endswith(b"\r\n") else quoted + b"\r\n"


def _expect(reply: tuple[int, bytes], wanted: int, problem: str) -> None:
    code, answer = reply
    if code != wanted:
        said = harmless(answer.decode("utf-8", "replace").replace("\n", " "), 200)
        kind = Lasting if 500 <= code < 600 else NotifyError
        raise kind(f"{problem}: {code} {said}")


def explain(error: Exception, smtp: Smtp) -> NotifyError:
    """What kept a mail from being sent, in words."""
    where = f"{smtp.host}:{smtp.port}"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        if error.smtp_code // 100 == 4:
            return NotifyError(f"{smtp.host} cannot check passwords now ({error.smtp_code})")
        hint = "many servers want a password made for programs; nerocli notify test tries one"
        return Lasting(f"{smtp.host} refuses the password of {smtp.user}", hint)
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = "ca: FILE trusts a certificate of your own"
        return Lasting(f"the certificate of {smtp.host} is not valid: {error.verify_message}", hint)
    if isinstance(error, ssl.SSLError):
        hint = f"write security: {'starttls' if smtp.security == 'tls' else 'tls'}, or another port"
        return Lasting(f"{where} does not speak TLS as security: {smtp.security} wants it", hint)
    if isinstance(error, socket.gaierror):
        return NotifyError(
            f"no address is known for the host {smtp.host}", "is it spelt right, is the network up?"
        )
    # smtplib makes the end of its patience a connection that was closed.
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        hint = "" if smtp.security == "tls" else "a port that speaks TLS from the start needs security: tls"
        return NotifyError(f"{where} does not answer", hint)
    if isinstance(error, ConnectionRefusedError):
        return NotifyError(f"nothing listens at {where}", "is the port right?")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        what = "encrypt (STARTTLS)" if "STARTTLS" in str(error) else "do what was asked"
        return Lasting(f"{smtp.host} cannot {what}", "write security: tls, or ask who runs the server")
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return NotifyError(f"{where} closed the connection")
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        kind = Lasting if 500 <= error.smtp_code < 600 else NotifyError
        return kind(f"{smtp.host} says {error.smtp_code} {harmless(text, 200)}")
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return NotifyError(f"{where} cannot be reached: {harmless(why, 200)}")
