"""The only place that writes to a terminal or asks a person something.

Whatever is printed here is made harmless first, so no text of a node, a log or a
file name can steer the terminal.  stdout is for what was asked for, stderr for
everything said besides, so that a pipe or a file holds only the answer.
"""

from __future__ import annotations

import getpass
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from neronet.cli.table import Line, Piece, Table, cut, layout, pieces
from neronet.cli.text import columns
from neronet.errors import InputError

if TYPE_CHECKING:
    import rich.console
    from rich.live import Live
    from rich.text import Text

# Each has a contrast of at least 4.4 : 1 on black and on white, so both kinds of terminal can be read.
STYLES = {
    "strong": "bold",
    "quiet": "#767676",
    "good": "#00871f",
    "bad": "#d94040",
    "warn": "#b06000",
    "live": "#2277dd",
    "odd": "#8f5fd0",
}


@dataclass
class Console:
    """Where to write and what it can show; `of_process` finds out, tests say it."""

    out: TextIO
    err: TextIO
    source: TextIO
    terminal: bool = False  # stdout is a terminal that can move its cursor
    person: bool = False  # somebody can be asked: stdin and stderr are a terminal
    colour: bool = False  # on those streams that are a terminal
    unicode: bool = True
    width: int = 80
    height: int = 24
    _live: Live | None = field(default=None, repr=False)
    _secret: bool = field(default=False, repr=False)  # something is being typed that nobody may see
    _rich_consoles: dict[TextIO, rich.console.Console] = field(default_factory=dict, repr=False)

    @classmethod
    def of_process(cls) -> Console:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        size = shutil.get_terminal_size()
        clever = os.environ.get("TERM") != "dumb"
        return cls(
            sys.stdout,
            sys.stderr,
            sys.stdin,
            terminal=sys.stdout.isatty() and clever,
            person=sys.stdin.isatty() and sys.stderr.isatty(),
            colour=clever and not os.environ.get("NO_COLOR"),
            unicode="utf" in (sys.stdout.encoding or "").lower(),
            width=max(40, size.columns),
            height=max(10, size.lines),
        )

    def print(self, *line: Piece) -> None:
        """One line on stdout, made of texts and (text, style) pairs."""
        self._write(self.out, pieces(list(line)))

    def then(self, text: str) -> None:
        """What one would probably do next."""
        self.print(("next: ", "quiet"), text)

    def say(self, *line: Piece) -> None:
        """One line on stderr: what a program that reads stdout must not see."""
        self._write(self.err, pieces(list(line)))

    def warn(self, text: str, hint: str = "") -> None:
        self.sentence(("▲ " if self.unicode else "! ", "warn"), text)
        if hint:
            self.sentence("  ", hint, "quiet")

    def note(self, text: str) -> None:
        """A sentence on stdout, about what was asked for."""
        self._sentence(self.out, "", text, "")

    def sentence(self, first: Piece, text: str, style: str = "") -> None:
        """`text` on stderr behind `first`."""
        self._sentence(self.err, first, text, style)

    def _sentence(self, stream: TextIO, first: Piece, text: str, style: str) -> None:
        """In a terminal wrapped and indented, elsewhere a line for each line of it."""
        blank = sum(columns(part) for part, _ in pieces(first))
        for paragraph in text.split("\n"):
            wrapped = [paragraph]
            if stream.isatty():
                room = self.width - blank
                wrapped = textwrap.wrap(paragraph, room, break_long_words=False, break_on_hyphens=False)
            for line in wrapped:
                self._write(stream, pieces([first, (line, style)]))
                first = " " * blank

    def table(self, table: Table, indent: int = 0) -> list[str]:
        """Print it; the titles of the columns that the terminal was too narrow for."""
        lines, hidden = self.lay_out(table, indent)
        for line in lines:
            self.print(*line)
        return hidden

    def lay_out(self, table: Table, indent: int = 0) -> tuple[list[Line], list[str]]:
        width = self.width - indent if self.terminal else None
        lines, hidden = layout(table, width, "…" if self.unicode else "...")
        return [[" " * indent, *line] for line in lines], hidden

    def raw(self, text: str) -> None:
        """Unchanged to stdout: only for what is meant to be piped."""
        self.out.write(text)
        self.out.flush()

    def confirm(self, question: str, command: str) -> bool:
        """Whether the person says yes, or a pipe: `echo y | nerocli clean`.  InputError, which names `command`,
        where nobody can be asked."""
        if not self.person:
            said = "" if self.source.isatty() else self.source.readline().strip().lower()
            if not said:
                raise InputError(
                    "this needs a yes and there is no terminal to ask in", f"say it with: {command}"
                )
            return said in ("y", "yes")
        self._prompt(f"{question} [y/N] ")
        return self.source.readline().strip().lower() in ("y", "yes")

    def ask(self, prompt: str, secret: bool) -> str:
        """What the person types, without an echo when `secret`; EOFError when she closes the input."""
        if not secret:
            self._prompt(f"{prompt} ")
            line = self.source.readline()
            if not line:
                raise EOFError
            return line.strip()
        self._secret = True
        try:
            return getpass.getpass(f"{prompt} ", stream=self.err)
        finally:
            self._secret = False

    def restore_echo(self) -> None:
        """After Ctrl-C: a question is asked on another thread, which cannot tidy up any more."""
        if self._secret and sys.platform != "win32":
            import termios

            mode = termios.tcgetattr(self.source)
            mode[3] |= termios.ECHO
            termios.tcsetattr(self.source, termios.TCSADRAIN, mode)
            self.say()

    @contextmanager
    def live(self) -> Iterator[Live]:
        """A part of the terminal that is drawn again and again."""
        from rich.live import Live

        with Live(console=self._rich(self.out), auto_refresh=False, transient=True) as live:
            self._live = live
            try:
                yield live
            finally:
                self._live = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Room for a question below what is drawn live."""
        live = self._live
        if live is None:
            yield
            return
        live.stop()
        try:
            yield
        finally:
            live.start()

    def picture(self, lines: Sequence[Line]) -> Text:
        """The lines for `live`, none wider than the terminal, not more than it has."""
        from rich.text import Text

        ellipsis = "…" if self.unicode else "..."
        shown = (cut(pieces(line), self.width, ellipsis) for line in lines[: self.height - 1])
        return Text("\n", no_wrap=True).join(_text(line) for line in shown)

    def _prompt(self, text: str) -> None:
        self.err.write("".join(shown for shown, _ in pieces(text)))
        self.err.flush()

    def _write(self, stream: TextIO, line: list[tuple[str, str]]) -> None:
        if self.colour and stream.isatty():
            self._rich(stream).print(_text(line), soft_wrap=True)
        else:
            stream.write("".join(shown for shown, _ in line).rstrip() + "\n")
        stream.flush()

    def _rich(self, stream: TextIO) -> rich.console.Console:
        from rich.console import Console as RichConsole

        if stream not in self._rich_consoles:
            self._rich_consoles[stream] = RichConsole(
                file=stream,
                width=self.width,
                height=self.height,
                no_color=not self.colour,
                highlight=False,
                markup=False,
                emoji=False,
            )
        return self._rich_consoles[stream]


def _text(line: list[tuple[str, str]]) -> Text:
    from rich.text import Text

    return Text.assemble(*((text, STYLES.get(style, "")) for text, style in line))
