"""What runs have printed and what became of them."""

from __future__ import annotations

from neronet.cli.verbs.verb import CSV, JSON, RUNS, Verb, flag, positional, value

VERBS: tuple[Verb, ...] = (
    Verb(
        "logs",
        "what a run has printed",
        "logs",
        (
            positional("RUN", "the run: its number or name", "run"),
            flag("-f", "--follow", text="and what it prints from now on, until it ends"),
            flag("--stderr", text="its errors instead"),
        ),
        examples=("nerocli logs 17 -f", "nerocli logs lang_exp1/hyperparamx=34 --stderr"),
        then=("nerocli points 17    its metrics",),
    ),
    Verb(
        "points",
        "the metrics of a run, or every value of one",
        "logs",
        (
            positional("RUN", "the run: its number or name", "run"),
            positional("METRIC", "one metric: every value with its time", nargs="?"),
            JSON,
            CSV,
        ),
        about="A metric is what the program prints as a line of its own: NAME VALUE.",
        examples=("nerocli points 17", "nerocli points 17 error_rate --csv"),
        then=("nerocli results    the last value of each run, side by side",),
    ),
    Verb(
        "extract",
        "make a metric of a number in a log, in all runs",
        "extract",
        (
            positional("RUN", "the run in whose log the number stands: its number or name", "run"),
            positional("NUMBER", "the number, as it stands there"),
            value("--name", metavar="NAME", text="of the metric (default: the words next to the number)"),
            value(
                "--line",
                metavar="N[:COLUMN]",
                text="of the log, from 1 (default: the last one with that number); columns count from 0",
            ),
            value("--stream", metavar="STREAM", text="stdout or stderr", default="stdout"),
            flag("--dry-run", "--preview", text="only show what would be found"),
            flag("--yes", text="do not ask"),
            flag("--no-write", text="leave config.yaml alone: runs to come are read on this machine, too"),
            JSON,
        ),
        about=(
            "Finds the like of that number in the logs of all runs of the experiment, those that have ended and those "
            "that go on, and writes the pattern into its config.yaml for runs to come."
        ),
        examples=("nerocli extract 17 0.31", "nerocli extract 17 0.31 --name val_loss --preview"),
        then=("nerocli points 17    its metrics",),
    ),
    Verb(
        "results",
        "one table: a row per run, its parameters, its metrics",
        "results",
        (
            positional("EXPERIMENT", f"only these; {RUNS}", "target", "?"),
            JSON,
            CSV,
            value("-o", "--output", metavar="FILE", text="into a .csv, .json, .xlsx or .parquet"),
        ),
        about="`results_file: ~/runs.xlsx` in preferences.yaml keeps such a file up to date.",
        examples=("nerocli results lang_exp1", "nerocli results -o results.xlsx"),
        then=("neronet.Neroman().runs().frame()    the same as a pandas DataFrame",),
    ),
    Verb(
        "plot",
        "draw the plots that config.yaml defines",
        "plots",
        (
            positional("ID", f"{RUNS}; several runs are drawn into one plot", "target", "+"),
            value("--plot", metavar="NAME", text="only this plot"),
            value("-o", "--output", metavar="FILE", text="save it there, as .svg, .png, .pdf or .jpg"),
            flag("--submitted", text="with the code as it was submitted, not as the folder has it now"),
            JSON,
        ),
        about=(
            "Your own functions draw them, on this machine, in a process with limits. This asks once whether you "
            "trust the folder that they are in."
        ),
        examples=("nerocli plot 17", "nerocli plot lang_exp1 lang_exp3 --plot error.svg"),
        then=('neronet.Neroman().runs("17").draw("error.svg")    the same in a notebook',),
    ),
    Verb(
        "history",
        "what happened, and when",
        "history",
        (
            positional("ID", f"only these; {RUNS}", "target", "?"),
            value(
                "--since",
                metavar="TIME",
                text="as 30min, 2h, 7d or 2026-03-14 (default: the last 50 events)",
            ),
            value("--kind", metavar="KINDS", text="only these kinds: failed,condition"),
            value("--node", metavar="NODE", text="only what happened on this node"),
            flag("--all", text="not only the last 50 events"),
            JSON,
        ),
        examples=(
            "nerocli history",
            "nerocli history 17",
            "nerocli history lang_exp1 --since 2h --kind failed,condition",
        ),
        then=("nerocli status ID    how it stands now",),
    ),
    Verb(
        "best",
        "the best runs by a metric; repeats (seeds) count as one",
        "best",
        (
            positional("EXPERIMENT", f"among these; {RUNS}", "target"),
            positional("METRIC", "by its last value in each run"),
            value("-k", metavar="N", text="how many (default: 5)", type=int, default=5),
            flag("--max", text="the largest is best, not the smallest"),
            JSON,
        ),
        about="nan comes last; failed and lost runs are left out.",
        examples=("nerocli best lang_exp1 error_rate", "nerocli best 'lang*' accuracy -k 3 --max"),
        then=("nerocli diff RUN RUN    what tells two of them apart",),
    ),
    Verb(
        "diff",
        "what tells two runs apart: values, code, commit, metrics",
        "diff",
        (
            positional("RUN", "a run: its number or name", "run"),
            positional("OTHER", "the run to compare with it", "run"),
            JSON,
        ),
        about="Files are compared as they were when the runs were submitted.",
        examples=("nerocli diff 17 21",),
        then=("nerocli note 21 'TEXT'    what you have learnt",),
    ),
    Verb(
        "backtest",
        "what a rule would have stopped of recorded runs, and saved",
        "backtest",
        (
            positional("EXPERIMENT", f"of these; {RUNS}", "target"),
            value("--metric", metavar="NAME", text="what is compared (default: what its stop_losers says)"),
            value("--goal", metavar="WORD", text="minimize or maximize"),
            value("--rule", metavar="WORD", text="median or halving"),
            value("--min-points", metavar="N", type=int, text="the first comparison is at so many points"),
            value("--reduction", metavar="N", type=int, text="halving: one in N goes on"),
            value("--keep", metavar="N", type=int, text="so many always go on"),
            value(
                "--condition",
                metavar="TEXT",
                text="a condition instead: 'error_rate > 50 after 10' (minutes)",
            ),
            value(
                "--top",
                metavar="N",
                type=int,
                default=5,
                text="would one of the N best have been lost? (default: 5)",
            ),
            JSON,
        ),
        about="Nothing is stopped: the recorded points are judged as they would have been while the runs ran.",
        examples=(
            "nerocli backtest lang_exp1 --metric error --goal minimize --min-points 20",
            "nerocli backtest lang_exp1 --condition 'error > 50 after 10'",
        ),
        then=("stop_losers: {metric: error, goal: minimize}    in config.yaml",),
    ),
)
