"""What `nerocli` can be asked to do: every command with its arguments, an example and what comes next.

`--help` and the completion need only this table; what does the work is imported when it is to run.
"""

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


def _positional(
    metavar: str, text: str, kind: str = "", nargs: str | None = None, shown: str = ""
) -> Argument:
    options = {"metavar": metavar} | ({"nargs": nargs} if nargs else {})
    return Argument((metavar.lower(),), text, kind, shown, dict[str, object](options))


def _flag(*names: str, text: str) -> Argument:
    return Argument(names, text, options={"action": "store_true"})


def _value(*names: str, metavar: str, text: str, **options: object) -> Argument:
    return Argument(names, text, options={"metavar": metavar, **options})


_JSON = _flag("--json", text="as JSON, for a program")
_CSV = _flag("--csv", text="as CSV, for a spreadsheet")
_TARGET = "an experiment, a collection, a folder, a run, or a pattern such as 'lang_exp*'"
_RUNS = "runs: a number (17), numbers (17-20), a name, an experiment, a pattern"

GROUPS: dict[str, tuple[Verb, ...]] = {
    "Begin": (
        Verb(
            "demo",
            "a small sweep on this machine, live, from start to table",
            "demonstration",
            (_flag("--keep", text="leave the demo's runs in your own Neronet folder"),),
            about=(
                "Twelve runs of a small Python program, two at a time, on the node `local`. It takes "
                "about 15 seconds, needs nothing and nobody, and leaves nothing behind."
            ),
            examples=("nerocli demo",),
            then=("nerocli template --help    start with a program of your own",),
        ),
        Verb(
            "template",
            "write a config.yaml to fill in",
            "experiments",
            (
                _positional("EXP_ID", "what the experiment is to be called"),
                _positional("PREFIX", "what starts the program: python3, 'Rscript --vanilla'"),
                _positional("CODE_FILE", "the program, in this folder"),
                _positional("PARAMETERS", "the names of its parameters, in order", nargs="*"),
            ),
            about="An experiment is one +block of a config.yaml: a program, and the values to run it with.",
            examples=("nerocli template theanotest python theanotest.py N feats training_steps",),
            then=("nerocli preview .    see the exact commands before anything runs",),
        ),
        Verb(
            "preview",
            "show the runs and exact commands that a folder stands for",
            "experiments",
            (
                _positional("FOLDER", "a folder with a config.yaml, an experiment or a collection", "folder"),
                _JSON,
            ),
            about="Nothing is sent and nothing is stored.",
            examples=("nerocli preview ~/experiments/lang_exp",),
            then=("nerocli submit ~/experiments/lang_exp NODE",),
        ),
        Verb(
            "addexp",
            "let Neronet know the experiments of a folder",
            "experiments",
            (_positional("FOLDER", "a folder with a config.yaml", "folder"),),
            about="May be left out: `nerocli submit FOLDER NODE` does it on the way.",
            examples=("nerocli addexp ~/experiments/lang_exp",),
            then=("nerocli submit lang_exp NODE",),
        ),
        Verb(
            "copyexp",
            "a copy of an experiment under another name",
            "experiments",
            (
                _positional("ID", "the experiment to copy", "experiment"),
                _positional("NEW", "the name of the copy"),
            ),
            about="The copy is a new +block at the end of the same config.yaml.",
            examples=("nerocli copyexp lang_exp1 lang_exp1_long",),
            then=("nerocli preview lang_exp1_long",),
        ),
        Verb(
            "delexp",
            "forget an experiment; its folder and its runs stay",
            "experiments",
            (_positional("ID", "the experiment", "experiment"),),
            examples=("nerocli delexp lang_exp3",),
            then=("nerocli addexp FOLDER    takes it up again",),
        ),
    ),
    "Run": (
        Verb(
            "submit",
            "send runs to a node",
            "submit",
            (
                _positional(
                    "TARGET",
                    f"what to run: {_TARGET}; then the node or the group of nodes to run it on, "
                    "which may be left out with a default node",
                    "target",
                    "+",
                    "TARGET... [NODE]",
                ),
                _flag("--again", text="also what was run before, as new runs"),
                _flag("--yes", text="do not ask before a very large sweep"),
                _JSON,
            ),
            about=(
                "The folder is copied as it is now: editing it later never changes a run that waits. "
                "What was run before with the same code and values is not run again without --again. "
                "The command returns when the node has the runs; this machine may then be switched off."
            ),
            examples=("nerocli submit lang_exp triton", "nerocli submit ~/experiments/lang_exp gpu"),
            then=("nerocli watch      see it live", "nerocli results    the table, also while it runs"),
        ),
        Verb(
            "watch",
            "runs, progress, metrics and last lines, live",
            "watch",
            (_positional("ID", f"only these; {_RUNS}", "target", "?"),),
            about="Ends when all runs have ended. Ctrl-C only ends the looking; the runs go on.",
            examples=("nerocli watch", "nerocli watch lang_exp1"),
            then=("nerocli results    the table",),
        ),
        Verb(
            "status",
            "nodes, experiments and runs at a glance",
            "status",
            (
                _positional("ID", "a node, an experiment, a run; `nodes` for all nodes", "any", "?"),
                _flag("--all", text="every run, however many lines that takes"),
                _JSON,
            ),
            about="Asks the nodes by itself, 3 seconds at most, when what is known is 10 seconds old.",
            examples=("nerocli status", "nerocli status lang_exp3", "nerocli status triton"),
            then=("nerocli logs RUN    what a run has printed",),
        ),
        Verb(
            "fetch",
            "get everything the nodes have, now",
            "status",
            about="Rarely needed: status, watch and results fetch by themselves.",
            examples=("nerocli fetch",),
            then=("nerocli status", "nerocli results"),
        ),
        Verb(
            "terminate",
            "end runs, or keep them from starting",
            "control",
            (_positional("ID", _RUNS, "target", "+"),),
            about="The program and everything it started is asked to end, then, after a while, made to.",
            examples=("nerocli terminate 17", "nerocli terminate lang_exp1"),
            then=("nerocli rerun ID    start them again",),
        ),
        Verb(
            "hold",
            "keep runs that wait from starting",
            "control",
            (_positional("ID", _RUNS, "target", "+"),),
            examples=("nerocli hold 18-20",),
            then=("nerocli release 18-20",),
        ),
        Verb(
            "release",
            "let held runs start",
            "control",
            (_positional("ID", _RUNS, "target", "+"),),
            examples=("nerocli release 18-20",),
            then=("nerocli watch",),
        ),
        Verb(
            "rerun",
            "run again, with the code and values of then",
            "control",
            (
                _positional("ID", _RUNS, "target", "+"),
                _flag("--failed", text="only those that did not finish"),
            ),
            about="A new attempt of the same run. `submit --again` makes new runs, with the code of now.",
            examples=("nerocli rerun lang_exp1 --failed",),
            then=("nerocli watch",),
        ),
    ),
    "Look": (
        Verb(
            "logs",
            "what a run has printed",
            "logs",
            (
                _positional("RUN", "the run: its number or name", "run"),
                _flag("-f", "--follow", text="and what it prints from now on, until it ends"),
                _flag("--stderr", text="its errors instead"),
            ),
            examples=("nerocli logs 17 -f", "nerocli logs lang_exp1/hyperparamx=34 --stderr"),
            then=("nerocli points 17    its metrics",),
        ),
        Verb(
            "points",
            "the metrics of a run, or every value of one",
            "logs",
            (
                _positional("RUN", "the run: its number or name", "run"),
                _positional("METRIC", "one metric: every value with its time", nargs="?"),
                _JSON,
                _CSV,
            ),
            about="A metric is what the program prints as a line of its own: NAME VALUE.",
            examples=("nerocli points 17", "nerocli points 17 error_rate --csv"),
            then=("nerocli results    the last value of each run, side by side",),
        ),
        Verb(
            "results",
            "one table: a row per run, its parameters, its metrics",
            "results",
            (
                _positional("EXPERIMENT", f"only these; {_RUNS}", "target", "?"),
                _JSON,
                _CSV,
                _value("-o", "--output", metavar="FILE", text="into a file that ends in .csv or .json"),
            ),
            examples=("nerocli results lang_exp1", "nerocli results -o results.csv"),
            then=("neronet.Neroman().runs().frame()    the same as a pandas DataFrame",),
        ),
        Verb(
            "history",
            "what happened, and when",
            "history",
            (
                _positional("ID", f"only these; {_RUNS}", "target", "?"),
                _value(
                    "--since",
                    metavar="TIME",
                    text="as 30min, 2h, 7d or 2026-03-14 (default: the last 50 events)",
                ),
                _JSON,
            ),
            examples=("nerocli history", "nerocli history 17", "nerocli history --since 2h"),
            then=("nerocli status ID    how it stands now",),
        ),
    ),
    "Nodes": (
        Verb(
            "addnode",
            "let Neronet know a machine you reach by SSH",
            "nodes",
            (
                _positional("ID", "what you want to call it"),
                _positional("ADDRESS", "host, user@host, host:port or an alias of ~/.ssh/config"),
                _value("--type", metavar="TYPE", text="direct (default) or local"),
                _value(
                    "--slots",
                    metavar="N",
                    type=int,
                    text="how many runs at a time (default: its cores or GPUs)",
                ),
                _value("--gpus", metavar="N", type=int, text="how many of its GPUs may be used"),
                _value("--memory", metavar="SIZE", text="how much of its memory may be used: 16GB"),
                _value("--root", metavar="FOLDER", text="where Neronet may write there (default ~/.neronet)"),
                _value("--python", metavar="PROGRAM", text="the python3 to use there (3.6 or newer)"),
                _value(
                    "--transport", metavar="KIND", text="asyncssh (default), or openssh: your own ssh program"
                ),
                _value("--user", metavar="NAME", text="the user name there"),
                _value("--port", metavar="N", type=int, text="the port of its SSH server"),
                _value("--identity-file", metavar="FILE", text="the private key to log in with"),
                _value("--known-hosts", metavar="FILE", text="where its host key is kept"),
            ),
            about="Nothing is installed there; no rights are needed. Your ssh settings and keys apply.",
            examples=(
                "nerocli addnode triton triton.cs.hut.fi",
                "nerocli addnode gpu1 me@gpu1:2222 --slots 4",
            ),
            then=("nerocli submit EXPERIMENT triton",),
        ),
        Verb(
            "delnode",
            "forget a node",
            "nodes",
            (
                _positional("ID", "the node", "node"),
                _flag(
                    "--force", text="also while runs are open there; they go on and are no longer looked at"
                ),
            ),
            examples=("nerocli delnode triton",),
            then=("nerocli status nodes",),
        ),
        Verb(
            "doctor",
            "check the nodes, and say what to do",
            "nodes",
            (_positional("NODE", "only this node", "node", "?"), _JSON),
            examples=("nerocli doctor", "nerocli doctor gpu1"),
            then=("nerocli submit EXPERIMENT NODE",),
        ),
        Verb(
            "recover",
            "rebuild what is known of a node's runs from the node",
            "nodes",
            (_positional("NODE", "the node", "node"),),
            about="For when the database on this machine was lost: the nodes know what they ran.",
            examples=("nerocli recover triton",),
            then=("nerocli status",),
        ),
    ),
    "Keep": (
        Verb(
            "engine",
            "the background process that talks to the nodes",
            "housekeeping",
            (_positional("ACTION", "start, stop or status", nargs="?"),),
            about="It starts when it is needed and ends when there is nothing to do. Runs never need it.",
            examples=("nerocli engine status",),
            then=("nerocli status",),
        ),
        Verb(
            "tidy",
            "remove from the nodes what has been fetched and is done",
            "housekeeping",
            examples=("nerocli tidy",),
            then=("nerocli status nodes",),
        ),
        Verb(
            "clean",
            "remove all of Neronet's data from this machine",
            "housekeeping",
            (_flag("--yes", text="do not ask"),),
            about="Your experiment folders stay as they are.",
            examples=("nerocli clean",),
            then=("nerocli addnode ID ADDRESS    begin anew",),
        ),
        Verb(
            "completion",
            "let the shell complete commands, names and options",
            "completion",
            (_positional("SHELL", "bash, zsh or fish"),),
            about=(
                'bash: add to ~/.bashrc                    eval "$(nerocli completion bash)"\n'
                'zsh:  add to ~/.zshrc, after compinit     eval "$(nerocli completion zsh)"\n'
                "fish: add to ~/.config/fish/config.fish   nerocli completion fish | source"
            ),
            examples=("nerocli completion bash",),
            then=("open a new terminal and press Tab after: nerocli su",),
        ),
    ),
}

VERBS: dict[str, Verb] = {verb.name: verb for group in GROUPS.values() for verb in group}
