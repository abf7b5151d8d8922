"""`template`, `preview`, `addexp`, `copyexp` and `delexp`: what is to be run."""

from __future__ import annotations

import re
import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neronet import words
from neronet.cli import describe, text
from neronet.cli.errors import show_problems
from neronet.cli.jsonout import dumps
from neronet.cli.session import Session
from neronet.cli.table import Column, Table
from neronet.errors import InputError, NeronetError

if TYPE_CHECKING:
    from neronet.api.targets import Planned
    from neronet.cli.console import Console

CONFIG = "config.yaml"
_TEMPLATE = """\
# Fill in the parameters, then see what would run: nerocli preview .

collection:            # a name for experiments that belong together
run_command_prefix: {prefix}
main_code_file: {code}
outputs:               # files the program writes that you want back: [model.bin, '*.csv']

+{experiment}:
{parameters}
  # A program that prints lines such as `error_rate 24.3` has a metric of that name.
  # conditions:
  #   too_bad:
  #     variablename: error_rate
  #     killvalue: 50
  #     comparator: gt      # gt, lt, eq, geq, leq, nan, inf, stalled, silent, slope_gt
  #     when: time 60       # minutes after the start, or: immediately
  #     action: kill        # or: stop, warn, notify
"""


def template(arguments: Namespace, session: Session) -> None:
    """Writes config.yaml into the current folder; never over another one."""
    path = Path(CONFIG)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(
                template_text(arguments.exp_id, arguments.prefix, arguments.code_file, arguments.parameters)
            )
    except FileExistsError:
        raise InputError(
            f"there is a {CONFIG} here already; it stays as it is",
            "add a +block to it, or go to another folder",
        ) from None
    except OSError as error:
        raise NeronetError(f"{CONFIG} cannot be written here: {error.strerror or error}") from error
    session.console.print(f"{CONFIG} is written.")
    if not Path(arguments.code_file).exists():
        session.console.warn(f"{arguments.code_file} is not in this folder yet")
    step = "fill in its parameters, then: " if arguments.parameters else ""
    session.console.then(f"{step}nerocli preview .")


def template_text(experiment: str, prefix: str, code: str, parameters: Sequence[str]) -> str:
    """The config.yaml of one experiment, its parameter values left to be filled in."""
    lines = []
    if parameters:
        lines.append("  parameters:        # a value each, or several to run all: [1, 2, 3]")
        lines += [f"    {_yaml(name)}:" for name in parameters]
        lines.append("  parameter_format: " + _quoted(" ".join(f"{{{name}}}" for name in parameters)))
    else:
        lines.append("  parameters:        # none: the program is run once, as it is")
    return _TEMPLATE.format(
        prefix=_yaml(prefix), code=_yaml(code), experiment=experiment, parameters="\n".join(lines)
    )


def _yaml(value: str) -> str:
    """The text as a YAML scalar that stays a text."""
    plain = re.fullmatch(r"[A-Za-z_./][\w./ +-]*", value) and not value.endswith(" ")
    return value if plain and value.lower() not in ("null", "true", "false") else _quoted(value)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def preview(arguments: Namespace, session: Session) -> None:
    console = session.console
    planned = session.neroman.preview(arguments.folder)
    _show_notes(arguments.folder, session)
    if arguments.json:
        console.raw(dumps([point.to_json() for point in planned]))
        return
    by_experiment: dict[str, list[Planned]] = {}
    for point in planned:
        by_experiment.setdefault(point.experiment, []).append(point)
    room = max(3, (console.height - 4) // max(1, len(by_experiment)) - 5)
    for experiment, points in by_experiment.items():
        _show_plan(experiment, points, room if console.terminal else len(points), arguments.folder, console)
    console.print(words.count(len(planned), "run"))
    console.then(f"nerocli submit {arguments.folder} NODE")
    for name in session.neroman.awaited(arguments.folder):
        from neronet.engine.submission import nothing_before

        error = nothing_before(name)
        console.warn(f"submit refuses this: {error}", error.hint)


def _show_plan(experiment: str, points: Sequence[Planned], room: int, target: str, console: Console) -> None:
    console.print((experiment, "strong"), f"   {words.count(len(points), 'run')}")
    varies, fixed = differences(points)
    for word, said in (("varies", varies), ("same", fixed)):
        if said:
            console.print(
                "  ",
                (f"{word:<8}", "quiet"),
                text.shorten(said, console.width - 10) if console.terminal else said,
            )
    table = Table([Column("", shrink=16), Column("", shrink=30)])
    for point in points[:room]:
        table.add(point.name, shlex.join(point.command))
    console.table(table, indent=2)
    if len(points) > room:
        console.print(
            "  ", (f"and {len(points) - room:,} more: nerocli preview {target} --json shows all", "quiet")
        )
    console.print()


def differences(points: Sequence[Planned]) -> tuple[str, str]:
    """(`hyperparamx 1 2 34 20`, `hyperparamy 2  hyperparamz 2`): what varies, what is the same in all."""
    values: dict[str, dict[str, None]] = {}
    for point in points:
        for name, value in point.parameters.items():
            values.setdefault(name, {})[value] = None
    varies = [f"{name} {shlex.join(found)}" for name, found in values.items() if len(found) > 1]
    fixed = [f"{name} {shlex.join(found)}" for name, found in values.items() if len(found) == 1]
    return "  ".join(varies), "  ".join(fixed)


def addexp(arguments: Namespace, session: Session) -> None:
    console = session.console
    ids = session.neroman.add_experiment(arguments.folder)
    _show_notes(arguments.folder, session)
    added = [experiment for experiment in session.neroman.experiments() if experiment.id in ids]
    console.table(describe.experiment_rows(added, console.unicode))
    target = ids[0] if len(ids) == 1 else arguments.folder
    console.then(f"nerocli preview {target}   or   nerocli submit {target} NODE")


def copyexp(arguments: Namespace, session: Session) -> None:
    session.neroman.copy_experiment(arguments.id, arguments.new)
    session.console.print(f"{arguments.new} is a copy of {arguments.id}.")
    session.console.then(f"nerocli preview {arguments.new}")


def delexp(arguments: Namespace, session: Session) -> None:
    session.neroman.remove_experiment(arguments.id)
    session.console.print(f"{arguments.id} is forgotten. Its folder, its runs and their results stay.")


def _show_notes(target: str, session: Session) -> None:
    """What is odd, but not wrong, in the folder's config.yaml."""
    if Path(target).is_dir():
        show_problems(session.neroman.problems(target), session.console)
