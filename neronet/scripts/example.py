"""Output processors to use as they are or to copy: `output_line_processor: {stdout: neronet.scripts.example line_reader}`.

They run on the nodes, in the Python of the run: standard library only. `plot` runs on the user's computer.
"""

import os
import re
import typing

# A word that is no name is taken as a whole: else a line of one long word would take minutes.
_PAIR = re.compile(
    r"([A-Za-z_][\w./-]*)(?:\s*[:=]\s*|\s+)([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|[A-Za-z_][\w./-]*"
)


def line_reader(output_line: str, *names: str) -> "dict[str, float]":
    """{name: number} of a line with words and numbers: `epoch 3 loss: 0.25`; with names only those."""
    found = {name: float(value) for name, value in _PAIR.findall(output_line) if name}
    return {name: value for name, value in found.items() if not names or name in names}


def file_reader(output_file: "typing.IO[str]", *names: str) -> "dict[str, list[float]]":
    """{name: [numbers]} of a file whose first line has the names of columns, which blanks or commas separate."""
    columns = output_file.readline().replace(",", " ").split()
    rows = [line.replace(",", " ").split() for line in output_file]
    whole = [row for row in rows if len(row) == len(columns)]  # the last one may just be written
    wanted = [(k, name) for k, name in enumerate(columns) if not names or name in names]
    return {name: [float(row[k]) for row in whole] for k, name in wanted}


def plot(
    plot_name: str, feedback: "typing.Any", save_image: "bool | None", *variables: "typing.Any"
) -> "typing.Any":
    """Lines of variables against the first of them; of one alone, against the place of its values.

    Each variable is a tuple (name, values). Of several runs, all lines are drawn into the axes of the first one.
    """
    import matplotlib.pyplot as plt

    wrong = [each for each in variables if not isinstance(each, tuple)]
    if wrong or not variables:
        raise ValueError(f"{wrong[0] if wrong else 'nothing'} is no variable of the output")
    axes: typing.Any = plt.figure().add_subplot(111) if feedback is None else feedback
    first, others = variables[0], variables[1:]
    run = os.environ.get("NERONET_RUN", "")
    for name, values in others or (first,):
        places = first[1] if others else range(len(values))
        several = name if save_image is None else run + ": " + name
        count = min(len(places), len(values))  # a run that goes on may have written one and not yet the other
        axes.plot(places[:count], values[:count], label=several if len(others) > 1 else run)
    axes.set_xlabel(first[0] if others else "")
    axes.set_ylabel(variables[-1][0] if len(variables) < 3 else "")
    axes.legend()
    if save_image is None or save_image:  # None: there is only this run; True: this is the last of several
        axes.get_figure().savefig(plot_name)
    return axes
