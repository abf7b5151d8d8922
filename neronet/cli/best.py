"""`best`: the settings or runs with the best values of a metric."""

from __future__ import annotations

import math
from argparse import Namespace

from neronet import words
from neronet.api.statistics import LEFT_OUT, Value, summary
from neronet.cli.jsonout import dumps
from neronet.cli.session import Session
from neronet.cli.table import Cell, Column, Table
from neronet.errors import InputError


def best(arguments: Namespace, session: Session) -> None:
    console = session.console
    if arguments.k < 1:
        raise InputError("-k takes a number from 1", "nerocli best EXPERIMENT METRIC -k 5")
    session.neroman.refresh()
    goal = "maximize" if arguments.max else "minimize"
    groups = session.neroman.runs(arguments.experiment).group()
    found = [(key, values, summary(values, goal)) for key, values in groups.values(arguments.metric, goal)]
    sign = -1.0 if arguments.max else 1.0
    # A setting that diverged once comes after all that never did.
    found.sort(key=lambda each: (math.isnan(each[2][1]), sign * each[2][1], each[2][5]))
    found = found[: arguments.k]
    if arguments.json:
        names = ("count", "mean", "std", "min", "max", "best")
        console.raw(
            dumps(
                [
                    {
                        "parameters": dict(zip(groups.parameters, key, strict=True)),
                        **dict(zip(names, told, strict=True)),
                        "runs": [each.run for each in values],
                    }
                    for key, values, told in found
                ]
            )
        )
        return
    if not found:
        console.print(
            f"Only runs that are {' or '.join(LEFT_OUT)} have a value of {arguments.metric}: they do not count."
            if groups.members
            else f"No run has a value of {arguments.metric} yet."
        )
        return
    pooled = any(told[0] > 1 for _, _, told in found)
    table = Table(
        [
            Column("", right=True),
            *(
                Column(name, right=True, shrink=8, drop=place + 1)
                for place, name in enumerate(groups.parameters)
            ),
            Column(f"mean {arguments.metric}" if pooled else arguments.metric, right=True),
            *([Column("std", right=True), Column("runs")] if pooled else [Column("run")]),
        ]
    )
    for place, (key, values, told) in enumerate(found, 1):
        last: list[Cell] = (
            [words.number(told[2]) if told[0] > 1 else "", _runs(values)] if pooled else [_runs(values)]
        )
        table.add((str(place), "quiet"), *(text or "" for text in key), words.number(told[1]), *last)
    console.table(table)


def _runs(values: list[Value]) -> str:
    """The runs of a setting, the best first."""
    shown = ", ".join(str(each.run) for each in values[:6])
    return f"{shown} and {len(values) - 6} more" if len(values) > 6 else shown
