"""What a command works with: the terminal, and Neroman, opened when it is first needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neronet.api import Neroman
    from neronet.cli.console import Console

# Makes a Neroman for a home; None: the user's own.
Factory = Callable[[Path | None], "Neroman"]


class Session:
    def __init__(self, console: Console, factory: Factory) -> None:
        self.console = console
        self.factory = factory

    @cached_property
    def neroman(self) -> Neroman:
        return self.open(None)

    def open(self, home: Path | None) -> Neroman:
        """A Neroman whose questions are asked in this terminal."""
        from neronet.cli.questions import answer

        neroman = self.factory(home)
        neroman.on_question(lambda question: answer(question, self.console))
        return neroman

    def close(self) -> None:
        if "neroman" in self.__dict__:
            self.neroman.close()
