"""What starts, holds and ends runs."""

from __future__ import annotations

from neronet.cli.verbs.verb import JSON, RUNS, TARGET, Verb, flag, positional

VERBS: tuple[Verb, ...] = (
    Verb(
        "submit",
        "send runs to a node",
        "submit",
        (
            positional(
                "TARGET",
                f"what to run: {TARGET}; then the node or the group of nodes to run it on, "
                "which may be left out with a default node",
                "target",
                "+",
                "TARGET... [NODE]",
            ),
            flag("--again", text="also what was run before, as new runs"),
            flag("--yes", text="do not ask before a very large sweep"),
            JSON,
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
        (positional("ID", f"only these; {RUNS}", "target", "?"),),
        about="Ends when all runs have ended. Ctrl-C only ends the looking; the runs go on.",
        examples=("nerocli watch", "nerocli watch lang_exp1"),
        then=("nerocli results    the table",),
    ),
    Verb(
        "status",
        "nodes, experiments and runs at a glance",
        "status",
        (
            positional("ID", "a node, an experiment, a run; `nodes` for all nodes", "any", "?"),
            flag("--all", text="every run, however many lines that takes"),
            JSON,
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
        (positional("ID", RUNS, "target", "+"),),
        about="The program and everything it started is asked to end, then, after a while, made to.",
        examples=("nerocli terminate 17", "nerocli terminate lang_exp1"),
        then=("nerocli rerun ID    start them again",),
    ),
    Verb(
        "hold",
        "keep runs that wait from starting",
        "control",
        (positional("ID", RUNS, "target", "+"),),
        examples=("nerocli hold 18-20",),
        then=("nerocli release 18-20",),
    ),
    Verb(
        "release",
        "let held runs start",
        "control",
        (positional("ID", RUNS, "target", "+"),),
        examples=("nerocli release 18-20",),
        then=("nerocli watch",),
    ),
    Verb(
        "rerun",
        "run again, with the code and values of then",
        "control",
        (
            positional("ID", RUNS, "target", "+"),
            flag("--failed", text="only those that did not finish"),
        ),
        about="A new attempt of the same run. `submit --again` makes new runs, with the code of now.",
        examples=("nerocli rerun lang_exp1 --failed",),
        then=("nerocli watch",),
    ),
)
