"""`nerocli`: finds the command, runs its module, turns every end into an exit code.

0: done, 1: failed, 2: wrong input, 130: Ctrl-C, 128 + n: ended by signal n.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from neronet.cli.console import Console
from neronet.cli.session import Factory, Session
from neronet.cli.verbs import VERBS, Verb
from neronet.errors import InputError, NeronetError

if TYPE_CHECKING:
    from neronet.api import Neroman


def main() -> None:
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for name in ("SIGTERM", "SIGHUP"):  # tidy up as after Ctrl-C: the demo removes its folder
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _: sys.exit(128 + number))
    sys.exit(run(sys.argv[1:], _neroman, Console.of_process()))


def _neroman(home: Path | None) -> Neroman:
    from neronet.api import Neroman

    # The engine of the user's home outlives a command; that of a home that is thrown away must not.
    return Neroman(home, background=home is None)


def run(argv: Sequence[str], neroman_factory: Factory, console: Console) -> int:
    """Do what `argv` asks; the exit code."""
    from neronet.cli import errors

    session = Session(console, neroman_factory)
    try:
        try:
            return _dispatch(list(argv), session)
        finally:
            session.close()
            console.out.flush()
    except NeronetError as error:
        errors.show(error, console)
        return error.exit_code
    except KeyboardInterrupt:
        console.restore_echo()
        return 130
    except BrokenPipeError:
        _forget_stdout()
        return 0
    except Exception as error:  # the last resort: a report instead of a traceback
        errors.report(error, argv, console)
        return 1


def _dispatch(argv: list[str], session: Session) -> int:
    word = argv[0].lstrip("-") if argv else "help"
    asked = [other.lstrip("-") for other in argv[1:2]] if word in ("help", "h") else []
    if word in ("help", "h") and not (asked and asked[0] in VERBS):
        from neronet.cli.help import overview

        session.console.raw(overview())
        return 0
    if word == "_words":  # the shells' completion asks
        from neronet.cli.completion import words

        words(argv[1:], session)
        return 0
    if word == "version":
        from importlib.metadata import version

        session.console.print(f"neronet {version('neronet')}")
        return 0
    verb = _find(asked[0] if asked else word)
    if asked or any(other in ("-h", "--help", "-help") for other in argv[1:]):
        from neronet.cli.help import explain

        session.console.raw(explain(verb))
        return 0
    arguments = _parser(verb).parse_args(argv[1:])
    module = import_module(f"neronet.cli.{verb.module}")
    code = getattr(module, verb.name)(arguments, session)
    return code if isinstance(code, int) else 0


def _find(word: str) -> Verb:
    if word in VERBS:
        return VERBS[word]
    from neronet.spec.problems import nearest

    meant = "status nodes" if word in ("node", "nodes") else nearest(word, VERBS)
    hint = f"did you mean: nerocli {meant}" if meant else "nerocli --help lists the commands"
    raise InputError(f"{word!r} is not a command of nerocli", hint)


class _Parser(argparse.ArgumentParser):
    """Tells a mistake as our other errors are told, instead of printing and leaving."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{self.prog}: {message}", f"usage: {self.usage}")


def _parser(verb: Verb) -> argparse.ArgumentParser:
    parser = _Parser(f"nerocli {verb.name}", " ".join(verb.usage_parts), add_help=False, allow_abbrev=False)
    for argument in verb.arguments:
        parser.add_argument(*argument.names, **argument.options)  # type: ignore[arg-type]
    return parser


def _forget_stdout() -> None:
    """The reader of our pipe has left: let the flush at exit have nowhere to fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
