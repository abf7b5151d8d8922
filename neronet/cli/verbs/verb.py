"""What a command of `nerocli` is made of."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Argument:
    """One argument; `names` and `options` as argparse's add_argument takes them.

    `kind` says what the shell may complete it with: experiment, node, run or folder.
    """

    names: tuple[str, ...]
    help: str
    kind: str = ""
    shown: str = ""  # how the usage shows it, where the metavar does not say enough
    options: dict[str, object] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """As the help shows it: `TARGET...`, `[NODE]`, `-o FILE`."""
        if self.shown:
            return self.shown
        metavar = str(self.options.get("metavar", ""))
        if self.names[0].startswith("-"):
            return f"{', '.join(self.names)} {metavar}".rstrip()
        many = {"+": f"{metavar}...", "*": f"[{metavar}...]", "?": f"[{metavar}]"}
        return many.get(str(self.options.get("nargs")), metavar)


@dataclass(frozen=True)
class Verb:
    name: str
    summary: str
    module: str  # neronet.cli.<module>, which has a function of the verb's name
    arguments: tuple[Argument, ...] = ()
    about: str = ""  # what the summary leaves open
    examples: tuple[str, ...] = ()
    then: tuple[str, ...] = ()  # what usually comes next

    @property
    def usage_parts(self) -> list[str]:
        parts = [a.label if not a.names[0].startswith("-") else f"[{a.label}]" for a in self.arguments]
        return ["nerocli", self.name, *parts]


def positional(
    metavar: str, text: str, kind: str = "", nargs: str | None = None, shown: str = ""
) -> Argument:
    options = {"metavar": metavar} | ({"nargs": nargs} if nargs else {})
    return Argument((metavar.lower(),), text, kind, shown, dict[str, object](options))


def flag(*names: str, text: str) -> Argument:
    return Argument(names, text, options={"action": "store_true"})


def value(*names: str, metavar: str, text: str, **options: object) -> Argument:
    return Argument(names, text, options={"metavar": metavar, **options})


JSON = flag("--json", text="as JSON, for a program")
CSV = flag("--csv", text="as CSV, for a spreadsheet")
TARGET = "an experiment, a collection, a folder, a run, or a pattern such as 'lang_exp*'"
RUNS = "runs: a number (17), numbers (17-20,25), a name, an experiment, a pattern, tag:good"
