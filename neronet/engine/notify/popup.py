"""The desktop, what other packages send by, and everything that Apprise reaches."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from urllib.parse import quote, unquote

from neronet.engine.notify.secrets import password_of
from neronet.engine.notify.trouble import Lasting
from neronet.engine.notify.writing import Written
from neronet.errors import NeronetError, NotifyError
from neronet.spec import plugins
from neronet.spec.notify import DESKTOP, Channel
from neronet.spec.problems import harmless

TIMEOUT = 30.0
SHORT = 300  # characters of a text on the desktop
_PLACE = "{password}"


def send(channel: Channel, written: Written, hand_over: Callable[[], None]) -> None:
    """Shows or sends it; `hand_over` is called just before. Raises NotifyError."""
    if channel.to == DESKTOP:
        _desktop(written, hand_over)
    elif entry := plugins.named(plugins.NOTIFIERS).get(channel.to.partition("://")[0]):
        url = _url(channel)
        try:
            sender = entry.load()
            hand_over()
            sender(url, written.subject, written.text)
        except NeronetError:
            raise
        except Exception as error:  # whatever another package does
            said = harmless(_without(str(error) or repr(error), url), 200)
            raise NotifyError(f"{entry.value} did not send it: {said}") from None
    else:
        _apprise(_url(channel), channel.label, written, hand_over)


def _desktop(written: Written, hand_over: Callable[[], None]) -> None:
    text = written.text[:SHORT]
    if sys.platform == "darwin":
        # The texts are arguments of the script, never a part of it.
        script = "on run a\ndisplay notification (item 2 of a) with title (item 1 of a)\nend run"
        _run(["osascript", "-e", script, written.subject, text], hand_over)
    elif sys.platform == "win32":
        _apprise("windows://", DESKTOP, written, hand_over)
    elif shutil.which("notify-send"):
        _run(["notify-send", "--app-name=Neronet", "--", written.subject, text], hand_over)
    else:
        raise Lasting(
            "there is no notify-send here to show a message with", "install libnotify (libnotify-bin)"
        )


def _run(argv: list[str], hand_over: Callable[[], None]) -> None:
    hand_over()
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=TIMEOUT,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotifyError(f"{argv[0]} did not work: {harmless(str(error), 200)}") from None
    if done.returncode:
        said = harmless(" ".join(done.stderr.split()), 200) or f"exit code {done.returncode}"
        raise NotifyError(f"{argv[0]} did not work: {said}", "the engine may have no desktop to show it on")


def _url(channel: Channel) -> str:
    if channel.password is None or _PLACE not in channel.to:
        return channel.to
    host = re.sub(r"^[^/]*//(?:[^@/]*@)?([^/?]*).*", r"\1", channel.to)
    return channel.to.replace(_PLACE, quote(password_of(channel.password, host), safe=""))


def _apprise(url: str, label: str, written: Written, hand_over: Callable[[], None]) -> None:
    try:
        import apprise
    except ImportError:
        raise Lasting(f"{label} needs Apprise", "pip install 'neronet[notify]'") from None
    with apprise.LogCapture(level=30, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
        sender = apprise.Apprise()
        if not sender.add(url):
            raise Lasting(
                f"Apprise cannot use this URL: {_words(said.getvalue(), url)}", "its documentation lists them"
            )
        hand_over()
        if not sender.notify(title=written.subject, body=written.text, body_format=apprise.NotifyFormat.TEXT):
            raise NotifyError(f"it did not take the message: {_words(said.getvalue(), url)}")


def _words(said: str, url: str) -> str:
    """The last line of what Apprise said."""
    lines = [line for line in _without(said, url).splitlines() if line.strip()]
    return harmless(lines[-1], 200) if lines else "it does not say why"


def _without(said: str, url: str) -> str:
    """The text without the URL and those parts of it that may be secret: all long ones but names of hosts."""
    login = re.match(r"[^/]*//[^@/:]*:([^@/]*)@", url)
    long = re.findall(r"[^/:@?&=.]{8,}(?![^/:@?&=]*\.)", url)
    written = [url, *long, *(login.groups() if login else ())]
    parts = {part for each in written for part in (each, unquote(each)) if part}
    for part in sorted(parts, key=len, reverse=True):
        said = said.replace(part, "...")
    return said
