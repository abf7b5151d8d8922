"""The agent's entry: `neromum serve ROOT`, `nerokid ROOT PLACE`, and that for a task of a scheduler's job."""

import os
import sys


def main(arguments):
    """Runs what the command line asks for; the exit status."""
    _speak_utf8()
    if len(arguments) == 3 and arguments[:2] == ["neromum", "serve"]:
        from neronet.node import serve

        return serve.main(arguments[2])
    if len(arguments) == 3 and arguments[0] == "nerokid":
        from neronet.node import kid

        return kid.main(arguments[1], arguments[2])
    if len(arguments) == 7 and arguments[0] == "nerokid":
        from neronet.node import task

        return task.main(*arguments[1:])
    sys.stderr.write("usage: neromum serve ROOT | nerokid ROOT PLACE [TOKEN MOST TASK START]\n")
    return 2


def _speak_utf8():
    """Starts this process again where file names would not be UTF-8 (an old Python in the C locale)."""
    if sys.getfilesystemencoding().lower().replace("-", "") == "utf8" or "NERONET_LOCALE" in os.environ:
        return
    os.environ["NERONET_LOCALE"] = os.environ.get("LC_ALL", "")
    os.environ["LC_ALL"] = _utf8_locale()
    utf8 = ["-X", "utf8"] if sys.version_info >= (3, 7) else []
    os.execv(sys.executable, [sys.executable] + utf8 + ["-I", "-S"] + sys.argv)


def _utf8_locale():
    """A locale of this node; old systems have no C.UTF-8."""
    import locale

    names = ["C.UTF-8", "en_US.UTF-8", "POSIX.UTF-8"]
    for name in names:
        try:
            return locale.setlocale(locale.LC_CTYPE, name)
        except locale.Error:
            continue
    return names[0]
