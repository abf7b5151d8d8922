"""%nero and %%neronet in a real IPython shell, on the node `local`; and the live frame."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from neronet import Neroman
from neronet.spec.config import parse_config
from neronet.sweep import expand
from neronet_jupyter import cells
from neronet_jupyter.live import live
from tests.waiting import until

pytestmark = pytest.mark.slow

NODES = "nodes:\n  local:\n    type: local\n    slots: 4\n  gone:\n    ssh_address: 127.0.0.1:1\n"
TRAIN = "for step in range(3):\n    print('loss', lr * step + seed)\n"


class Published(DisplayPublisher):
    """Keeps what a front end would be sent."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.sent: list[dict[str, Any]] = []

    def publish(self, data: Any, metadata: Any = None, **more: Any) -> None:
        self.sent.append(
            {"data": data, "at": time.monotonic(), "thread": threading.current_thread().name, **more}
        )


class Cell:
    """A notebook: `cell(text)` runs it, and gives back what it printed."""

    def __init__(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell, self._capsys = shell, capsys
        self.errors = ""

    def __call__(self, text: str) -> str:
        self._capsys.readouterr()
        self.result = self.shell.run_cell(text)
        out, self.errors = self._capsys.readouterr()
        return str(out)

    @property
    def value(self) -> Any:
        return self.shell.user_ns["_"]

    @property
    def published(self) -> list[dict[str, Any]]:
        publisher = self.shell.display_pub
        assert isinstance(publisher, Published)
        return publisher.sent


@pytest.fixture
def cell(
    neroman: Neroman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cell]:
    """A shell with the magics; what it does goes to the engine in this process."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    (neroman.home / "nodes.yaml").write_text(NODES)
    neroman.engine_client.ensure()
    live(neroman)
    config = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}})
    shell = InteractiveShell.instance(config=config)
    shell.display_pub = Published(parent=shell)
    made = Cell(shell, capsys)
    made("%load_ext neronet")
    yield made
    InteractiveShell.clear_instance()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An experiment of two runs."""
    made = tmp_path / "exp"
    made.mkdir()
    (made / "main.py").write_text("import sys\nprint('loss', sys.argv[-1])\n")
    (made / "config.yaml").write_text(
        "run_command_prefix: python3\nmain_code_file: main.py\n+pair:\n  parameters: {x: [1, 2]}\n"
    )
    return made


# -- %nero


def test_the_commands_of_nerocli_work_in_a_cell(cell: Cell, folder: Path, neroman: Neroman) -> None:
    cell.shell.user_ns["folder"] = folder
    said = cell("%nero submit {folder} local")
    assert "2 runs (1-2) submitted to local." in said and "next: %nero watch" in said
    neroman.runs("pair").wait(30)
    assert cell("%nero logs pair/x=2") == "loss 2\n"
    assert "✓ 2 finished" in cell("%nero status pair")
    assert "--json" in cell("%nero status --help")


def test_a_table_in_a_cell_is_no_wider_than_its_output(cell: Cell, folder: Path, neroman: Neroman) -> None:
    (folder / "main.py").write_text(
        "".join(f"print('a_metric_with_a_long_name_{n}', {n})\n" for n in range(20))
    )
    neroman.submit(folder, "local").wait(30)
    lines = cell("%nero results").splitlines()
    assert len(lines) >= 3 and max(map(len, lines)) <= 110


def test_text_of_a_program_cannot_steer_the_output(cell: Cell, folder: Path, neroman: Neroman) -> None:
    (folder / "main.py").write_text("print('\\x1b[31mred\\x1b]8;;http://evil\\x07 \\u202eover')\n")
    neroman.submit(folder, "local").wait(30)
    log = cell("%nero logs pair/x=1")
    assert "red" in log and not set(log) & {"\x1b", "\x07", "\u202e"}


# -- mistakes

MISTAKES = {
    "%nero submitt x": "did you mean: nerocli submit",
    "%nero logs 99": "99 names no run",
    '%nero submit "x': "a quote in this line is not closed",
    "%%neronet --onn local a=1\n1": "did you mean --on?",
    "%%neronet --on\n1": "--on needs a value",
    "%%neronet lr=[1,2\n1": "lacks a ]",
    "%%neronet lr=[1,,2]\n1": "lr has an empty value",
    "%%neronet lr=\n1": "lr has no value",
    "%%neronet lr=1..x\n1": "lr: '1..x' is not a range",
    "%%neronet lr=1..2:stp=3\n1": "did you mean step?",
    "%%neronet lr=0..1.5\n1": "needs step, count or log",
    "%%neronet a=1 a=2\n1": "the parameter a is there twice",
    "%%neronet class=1\n1": "'class' cannot be a variable",
    "%%neronet a-b=1\n1": "'a-b' cannot be a variable",
    "%%neronet foo\n1": "'foo' is neither NAME=VALUES nor an option",
    "%%neronet --on nowhere a=1\n1": "there is no node or group nowhere",
    "%%neronet --name ../up a=1\n1": "'../up' cannot be an id",
    "%%neronet --name parameters a=1\n1": "'parameters' is a reserved word",
    "%%neronet --on local a=1\nx = 1\nif x\n": "line 3 of the cell is not Python",
    "%%neronet --on local a=1\n!ls\n": "line 2 of the cell is not Python",
    "%%neronet --on local a=1..20000\n1": "--yes",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_one_message_without_a_traceback(cell: Cell, neroman: Neroman, text: str) -> None:
    said = cell(text) + cell.errors
    assert MISTAKES[text] in said
    assert "Traceback" not in said and "File" not in said
    assert len(said.strip().splitlines()) <= 3
    assert not neroman.runs()


def test_a_cell_with_a_mistake_stops_the_cells_after_it(cell: Cell) -> None:
    cell("%%neronet --on nowhere a=1\n1")
    assert not cell.result.success


def test_a_name_that_another_folder_has_is_not_taken_from_it(
    cell: Cell, folder: Path, neroman: Neroman
) -> None:
    neroman.add_experiment(folder)
    assert "there is another experiment pair" in cell("%%neronet --on local --name pair a=1\n1") + cell.errors
    assert neroman.experiments()[0].folder == folder


# -- %%neronet


def test_a_cell_runs_as_a_sweep_whose_values_are_variables(cell: Cell) -> None:
    text = "print(repr([lr, seed, name, flag]))\nprint('loss', lr * seed)\n"
    said = cell(f"%%neronet --on local --name kinds lr=[1e-3,0.5] seed=1..2 name=adam flag=True\n{text}")
    runs = cell.value.wait(30)
    assert "4 runs of kinds: 1-4 on local" in said
    assert runs.states == {"finished": 4}
    assert runs[0].command == ("python3", "main.py", "lr=1e-3", "seed=1", "name=adam", "flag=True")
    assert [runs[place : place + 1].log().splitlines()[0] for place in (0, 3)] == [
        "[0.001, 1, 'adam', True]",
        "[0.5, 2, 'adam', True]",
    ]
    assert runs.frame()["loss"].tolist() == [0.001, 0.002, 0.5, 1.0]


def test_the_figure_is_shown_below_the_line_of_the_runs(cell: Cell) -> None:
    cell(f"%%neronet --on local --metric loss lr=1 seed=[1,2]\n{TRAIN}")
    shown = [one["data"] for one in cell.published]
    figures = [data["application/vnd.neronet.figure+json"] for data in shown if "text/plain" in data]
    assert {"runs": [1, 2], "metric": "loss"} in figures


def test_a_metric_that_is_not_there_is_said_below_the_runs(cell: Cell) -> None:
    cell(f"%%neronet --on local lr=1 seed=1\n{TRAIN}")
    cell.value.wait(30)
    said = cell(f"%%neronet --on local --metric lss lr=1 seed=1\n{TRAIN}")
    assert "1 run of cell_" in said and "did you mean loss?" in said and cell.result.success


def test_the_same_cell_finds_its_runs_again(cell: Cell, neroman: Neroman) -> None:
    text = f"%%neronet --on local lr=[1,2] seed=1\n{TRAIN}"
    cell(text)
    first = cell.value.wait(30).numbers
    said = cell(text)
    assert cell.value.numbers == first
    assert "2 of 2 were run before" in said and "2 runs of cell_" in said
    assert neroman.runs().numbers == first


def test_values_that_are_new_are_run_and_the_others_are_found(cell: Cell, neroman: Neroman) -> None:
    cell(f"%%neronet --on local lr=1 seed=1..2\n{TRAIN}")
    cell.value.wait(30)
    said = cell(f"%%neronet --on local lr=1 seed=2..4\n{TRAIN}")
    assert cell.value.numbers == (2, 3, 4)
    assert "1 of 3 were run before" in said and "config.yaml" not in said


def test_a_cell_that_was_changed_is_run_anew_under_its_name(cell: Cell) -> None:
    cell(f"%%neronet --on local --name kept lr=1 seed=1\n{TRAIN}")
    cell(f"%%neronet --on local --name kept lr=1 seed=1\n{TRAIN}# better\n")
    assert cell.value.numbers == (2,)


def test_again_runs_what_was_run_before(cell: Cell) -> None:
    text = f"lr=1 seed=1\n{TRAIN}"
    cell(f"%%neronet --on local {text}")
    cell(f"%%neronet --on local --again {text}")
    assert cell.value.numbers == (2,)


def test_a_variable_of_the_notebook_gives_the_values(cell: Cell) -> None:
    cell("rates = [0.1, 0.01]\nwhere = 'local'")
    cell(f"%%neronet --on {{where}} lr={{rates}} seed=1\n{TRAIN}")
    assert [run.parameters["lr"] for run in cell.value] == ["0.1", "0.01"]


def test_a_traceback_of_a_run_names_the_lines_of_the_cell(cell: Cell) -> None:
    cell("%%neronet --on local x=1\nfrom __future__ import annotations\n\nraise ValueError(x)\n")
    run = cell.value.wait(30)[0]
    assert run.state == "failed"
    assert 'main.py", line 4' in cell.value.log("stderr")
    assert "ValueError: 1" in cell.value.log("stderr")


def test_a_cell_without_parameters_is_one_run(cell: Cell) -> None:
    cell("%%neronet --on local\nprint('x', 1)\n")
    assert cell.value.wait(30).frame()["x"].tolist() == [1.0]


def test_a_mistake_leaves_the_folder_of_the_last_sweep_as_it_is(cell: Cell, neroman: Neroman) -> None:
    cell(f"%%neronet --on local --name kept lr=1 seed=1\n{TRAIN}")
    kept = {path: path.read_text() for path in (neroman.home / "cells/kept").iterdir()}
    cell("%%neronet --on local --name kept lr=1\nif\n")
    assert {path: path.read_text() for path in (neroman.home / "cells/kept").iterdir()} == kept


# -- what stands behind the magic

GRAMMAR = {
    "0.1": ["0.1"],
    "010": ["010"],
    "../data": ["../data"],
    '"two words"': ["two words"],
    '""': [""],
    "it's": ["it's"],
    "[1e-3, 010,no]": ["1e-3", "010", "no"],
    "['a, b', \"c\"]": ["a, b", "c"],
    "[[1, 2], [3]]": ["[1, 2]", "[3]"],
    "[(1, 2), {'a': 3}]": ["(1, 2)", "{'a': 3}"],
    "1..3": ["1", "2", "3"],
    "3..1": ["3", "2", "1"],
    "-1..1": ["-1", "0", "1"],
    "0..1:step=0.25": ["0", "0.25", "0.5", "0.75", "1"],
    "0.1..0.3:count=3": ["0.1", "0.2", "0.3"],
    "1e-4..0.1:log=4": ["0.0001", "0.001", "0.01", "0.1"],
    '"1..3"': ["1..3"],
}


@pytest.mark.parametrize("text", GRAMMAR)
def test_values_keep_their_text(text: str) -> None:
    line = cells.parse(f"--on gpu x={text} --metric loss y=1")
    assert list(line.parameters["x"]) == GRAMMAR[text]
    assert (line.on, line.metric, list(line.parameters)) == ("gpu", "loss", ["x", "y"])


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), min_size=1, unique=True)
)
def test_any_text_reaches_the_program_through_the_config(texts: list[str]) -> None:
    text = cells.config("any", cells.Line({"x": texts}))
    config = parse_config(text, "config.yaml", Path("/nowhere"))
    config.check()
    assert [point.argv[-1] for point in expand(config.experiments[0])] == [f"x={each}" for each in texts]


def test_the_program_gets_literals_as_values_and_everything_else_as_text(tmp_path: Path) -> None:
    (tmp_path / f"{cells.MODULE}.py").write_text(cells.VALUES_PY)
    names = ["value", "ast", "sys", "name", "text", "word", "b", "c", "d", "e", "f", "g"]
    words = ["0.5", "-3", "nan", "True", "None", "[1, 'a']", "010", "adam", "1 # x", "'q'", "a=b", ""]
    code = f"from {cells.MODULE} import {', '.join(names)}; print([{', '.join(names)}])"
    argv = [sys.executable, "-c", code, *(f"{name}={word}" for name, word in zip(names, words))]
    out = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[0.5, -3, nan, True, None, [1, 'a'], '010', 'adam', '1 # x', \"'q'\", 'a=b', '']"


def test_loading_neronet_itself_costs_no_jupyter() -> None:
    code = "import sys, neronet; print(sorted({'IPython', 'typing', 'ipywidgets'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


# -- runs.frame(live=True)

SLOW = "import time\nfor step in range(1, 31):\n    print('loss', step, flush=True)\n    time.sleep(0.1)\n"


@pytest.fixture
def slow_runs(cell: Cell) -> Callable[[], Any]:
    def start() -> Any:
        cell(f"%%neronet --on local seed=1..2\n{SLOW}")
        cell.shell.user_ns["runs"] = runs = cell.value
        cell.published.clear()
        return runs

    return start


def test_a_live_frame_is_updated_in_place_until_the_runs_have_ended(
    cell: Cell, slow_runs: Callable[[], Any]
) -> None:
    runs = slow_runs()
    cell("runs.frame(live=True)")
    frame = cell.value
    assert frame.live and len(cell.published) >= 1
    runs.wait(30)
    until(lambda: not frame.live)
    first, *updates = cell.published
    assert not first.get("update") and all(one["update"] for one in updates)
    assert len({one["transient"]["display_id"] for one in cell.published}) == 1
    times = [one["at"] for one in updates]
    assert len(times) >= 4 and min(b - a for a, b in zip(times, times[1:])) >= 0.45
    assert {one["thread"] for one in updates} == {"neronet-frame"}
    last = updates[-1]["data"]
    assert "2 finished" in last["text/html"] and "2 finished" in last["text/plain"]
    assert "<td>30.0</td>" in last["text/html"]
    assert frame.frame["loss"].tolist() == [30.0, 30.0]


def test_a_live_frame_that_is_stopped_stays_as_it_is(cell: Cell, slow_runs: Callable[[], Any]) -> None:
    runs = slow_runs()
    cell("runs.frame(live=True)")
    cell.value.stop()
    count = len(cell.published)
    until(lambda: runs[0].points.get("loss", 0) > 5)
    time.sleep(0.7)
    assert len(cell.published) == count and not cell.value.live


def test_the_texts_of_a_live_frame_are_no_html(cell: Cell, folder: Path, neroman: Neroman) -> None:
    (folder / "config.yaml").write_text(
        "run_command_prefix: python3\nmain_code_file: main.py\n"
        "+pair:\n  parameters: {x: ['<img src=x onerror=alert(1)>', '</td><script>1</script>']}\n"
    )
    runs = neroman.submit(folder, "local").wait(30)
    cell.shell.user_ns["runs"] = runs
    cell("runs.frame(live=True)")
    page = cell.published[0]["data"]["text/html"]
    assert "&lt;img src" in page and "<img" not in page and "<script" not in page


def test_a_frame_that_is_not_live_is_a_data_frame(neroman: Neroman) -> None:
    assert type(neroman.runs().frame()).__name__ == "DataFrame"
