"""From a program to experiments."""

from __future__ import annotations

from neronet.cli.verbs.verb import JSON, Verb, flag, positional

VERBS: tuple[Verb, ...] = (
    Verb(
        "demo",
        "a small sweep on this machine, live, from start to table",
        "demonstration",
        (flag("--keep", text="leave the demo's runs in your own Neronet folder"),),
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
            positional("EXP_ID", "what the experiment is to be called"),
            positional("PREFIX", "what starts the program: python3, 'Rscript --vanilla'"),
            positional("CODE_FILE", "the program, in this folder"),
            positional("PARAMETERS", "the names of its parameters, in order", nargs="*"),
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
            positional("FOLDER", "a folder with a config.yaml, an experiment or a collection", "folder"),
            JSON,
        ),
        about="Nothing is sent and nothing is stored.",
        examples=("nerocli preview ~/experiments/lang_exp",),
        then=("nerocli submit ~/experiments/lang_exp NODE",),
    ),
    Verb(
        "addexp",
        "let Neronet know the experiments of a folder",
        "experiments",
        (positional("FOLDER", "a folder with a config.yaml", "folder"),),
        about="May be left out: `nerocli submit FOLDER NODE` does it on the way.",
        examples=("nerocli addexp ~/experiments/lang_exp",),
        then=("nerocli submit lang_exp NODE",),
    ),
    Verb(
        "copyexp",
        "a copy of an experiment under another name",
        "experiments",
        (
            positional("ID", "the experiment to copy", "experiment"),
            positional("NEW", "the name of the copy"),
        ),
        about="The copy is a new +block at the end of the same config.yaml.",
        examples=("nerocli copyexp lang_exp1 lang_exp1_long",),
        then=("nerocli preview lang_exp1_long",),
    ),
    Verb(
        "delexp",
        "forget an experiment; its folder and its runs stay",
        "experiments",
        (positional("ID", "the experiment", "experiment"),),
        examples=("nerocli delexp lang_exp3",),
        then=("nerocli addexp FOLDER    takes it up again",),
    ),
)
