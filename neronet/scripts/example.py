"""Output processors to use as they are or to copy: `output_line_processor: {stdout: neronet.scripts.example line_reader}`.

They run on the nodes, in the Python of the run: standard library only.
"""

import re
import typing

_PAIR = re.compile(r"([A-Za-z_][\w./-]*)(?:\s*[:=]\s*|\s+)([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")


def line_reader(output_line: str, *names: str) -> "dict[str, float]":
    """{name: number} of a line with words and numbers: `epoch 3 loss: 0.25`; with names only those."""
    found = {name: float(value) for name, value in _PAIR.findall(output_line)}
    return {name: value for name, value in found.items() if not names or name in names}


def file_reader(output_file: "typing.IO[str]", *names: str) -> "dict[str, list[float]]":
    """{name: [numbers]} of a file whose first line has the names of columns, which blanks or commas separate."""
    columns = output_file.readline().replace(",", " ").split()
    rows = [line.replace(",", " ").split() for line in output_file]
    whole = [row for row in rows if len(row) == len(columns)]  # the last one may just be written
    series = {name: [float(row[k]) for row in whole] for k, name in enumerate(columns)}
    return {name: values for name, values in series.items() if not names or name in names}
