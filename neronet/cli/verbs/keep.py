"""The house."""

from __future__ import annotations

from neronet.cli.verbs.verb import JSON, RUNS, Verb, flag, positional, value

VERBS: tuple[Verb, ...] = (
    Verb(
        "note",
        "write down something about runs, or read it",
        "notes",
        (
            positional("RUNS", RUNS, "target"),
            positional(
                "TEXT", "in place of the note that they have; '' for none", nargs="...", shown="[TEXT]"
            ),
        ),
        examples=("nerocli note 17 learning rate too high", "nerocli note 17"),
        then=("nerocli results -o results.xlsx    notes are a column of it",),
    ),
    Verb(
        "tag",
        "mark runs, to find them by it later",
        "notes",
        (
            positional("RUNS", RUNS, "target"),
            positional("TAGS", "+good or good adds, -old takes away", nargs="...", shown="[TAGS]"),
        ),
        about="A tag selects runs wherever runs are named: tag:good.",
        examples=("nerocli tag 17-20 +good -old", "nerocli results tag:good"),
        then=("nerocli results tag:good",),
    ),
    Verb(
        "bundle",
        "runs with their files, logs and results in one zip",
        "bundles",
        (
            positional("RUNS", RUNS, "target", "+"),
            value("-o", "--output", metavar="FILE", text="the zip to write (default: runs.zip)"),
        ),
        about="pandas alone can read it; `nerocli replay` runs the same again.",
        examples=("nerocli bundle lang_exp1 -o paper.zip", "nerocli bundle tag:paper -o paper.zip"),
        then=("nerocli replay paper.zip --check",),
    ),
    Verb(
        "replay",
        "run what is in a bundle again: same files, same commands",
        "bundles",
        (
            positional("FILE", "a zip that `nerocli bundle` made"),
            positional("NODE", "a node or a group of nodes", "node", "?"),
            value("--only", metavar="RUNS", text="only these numbers of its runs: 3,5-8"),
            value("--folder", metavar="DIR", text="where its files go (default: FILE without .zip)"),
            flag("--check", text="only show the commands"),
        ),
        about=(
            "Nothing that is there is written over. The commands are run as they are in the "
            "bundle: look at them first when it is somebody else's."
        ),
        examples=("nerocli replay paper.zip --check", "nerocli replay paper.zip gpu --only 3,5-8"),
        then=("nerocli watch",),
    ),
    Verb(
        "engine",
        "the background process that talks to the nodes",
        "housekeeping",
        (positional("ACTION", "start, stop or status", nargs="?"),),
        about="It starts when it is needed and ends when there is nothing to do. Runs never need it.",
        examples=("nerocli engine status",),
        then=("nerocli status",),
    ),
    Verb(
        "notify",
        "who is told when something happens, and whether that works",
        "notify",
        (positional("ACTION", "test (sends a message to all) or status", nargs="?"), JSON),
        about="Whom to tell, of what and how stands in preferences.yaml, under notify.",
        examples=("nerocli notify test", "nerocli notify status"),
        then=("nerocli engine start    it tells you also after you have logged out",),
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
        (flag("--yes", text="do not ask"),),
        about="Your experiment folders stay as they are.",
        examples=("nerocli clean",),
        then=("nerocli addnode ID ADDRESS    begin anew",),
    ),
    Verb(
        "trust",
        "let the plotting code of a folder run on this machine",
        "plots",
        (
            positional(
                "FOLDER", "the folder of an experiment; none: list those that are trusted", "folder", "?"
            ),
            flag("--revoke", text="trust it no more"),
            JSON,
        ),
        about=(
            "Nothing of a folder runs here before: only `nerocli plot` runs code of it, and asks. Trust holds for "
            "this folder, whatever it has later."
        ),
        examples=("nerocli trust ~/experiments/lang_exp", "nerocli trust --revoke ~/experiments/lang_exp"),
        then=("nerocli plot ID",),
    ),
    Verb(
        "completion",
        "let the shell complete commands, names and options",
        "completion",
        (positional("SHELL", "bash, zsh or fish"),),
        about=(
            'bash: add to ~/.bashrc                    eval "$(nerocli completion bash)"\n'
            'zsh:  add to ~/.zshrc, after compinit     eval "$(nerocli completion zsh)"\n'
            "fish: add to ~/.config/fish/config.fish   nerocli completion fish | source"
        ),
        examples=("nerocli completion bash",),
        then=("open a new terminal and press Tab after: nerocli su",),
    ),
)
