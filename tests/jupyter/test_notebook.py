"""The demo notebook in a real kernel, its two SSH nodes, and outputs that change while a kernel is busy."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import psutil
import pytest
import yaml
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from neronet import Neroman
from neronet_jupyter import demo_nodes
from neronet_jupyter.demo_nodes import DemoNodes

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples/demo.ipynb"
LIMIT = 60.0  # seconds that the whole notebook may take


def left(folder: Path, timeout: float = 10.0) -> list[str]:
    """The processes that have the folder in their command or environment, once there are none or time is up."""
    end = time.monotonic() + timeout
    while True:
        found = []
        for process in psutil.process_iter():
            try:
                words = [*process.cmdline(), *process.environ().values()]
            except psutil.Error:
                continue
            if process.pid != os.getpid() and any(str(folder) in word for word in words):
                found.append(" ".join(process.cmdline()))
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, with nothing in it; what a kernel keeps goes elsewhere."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.delenv("NERONET_HOME", raising=False)
    return home


# -- the demo notebook


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The notebook after all its cells were run, with `seconds` and what it left in `left`."""
    import nbformat  # takes two seconds, of which also the fast tests would pay
    from nbclient import NotebookClient

    class Client(NotebookClient):
        """As JupyterLab, it also shows what changes in the output of a cell that has ended."""

        async def async_start_new_kernel_client(self) -> Any:
            client = await super().async_start_new_kernel_client()
            channel: Any = client.iopub_channel
            receive = channel.get_msg

            async def get_msg(*args: Any, **kwargs: Any) -> Any:
                message = await receive(*args, **kwargs)
                if message["msg_type"] == "update_display_data":
                    self.process_message(message, notebook.cells[0], 0)
                return message

            channel.get_msg = get_msg
            return client

    tmp_path = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        user = home.__wrapped__(tmp_path, patch)  # type: ignore[attr-defined]
        notebook = nbformat.read(DEMO, as_version=4)
        began = time.monotonic()
        Client(notebook, timeout=LIMIT, resources={"metadata": {"path": str(tmp_path)}}).execute()
        notebook.seconds = time.monotonic() - began
        notebook.left = [str(path) for path in user.iterdir()] + left(tmp_path)
        yield notebook


def code(notebook: Any, word: str) -> Any:
    """The one code cell that holds `word`."""
    [cell] = [cell for cell in notebook.cells if cell.cell_type == "code" and word in cell.source]
    return cell


def text(cell: Any) -> str:
    """All that a cell shows, as plain text."""
    return "".join(
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs
    )


def test_the_demo_tells_its_story_in_ten_cells(done: Any) -> None:
    assert sum(cell.cell_type == "code" for cell in done.cells) == 10
    assert done.seconds < LIMIT
    problems = [out for cell in done.cells for out in cell.get("outputs", []) if out.output_type == "error"]
    assert not problems
    assert not [
        out.text for cell in done.cells for out in cell.get("outputs", []) if out.get("name") == "stderr"
    ]


def test_the_demo_has_nodes_that_answer_over_ssh(done: Any) -> None:
    said = text(code(done, "DemoNodes()"))
    assert said.startswith("lab1\n  ✓ connection: answers as ")


def test_the_demo_runs_a_cell_as_a_sweep_on_both_nodes(done: Any) -> None:
    cell = code(done, "seed=1..2 --name first_sweep")
    assert "6 runs of first_sweep: 1-6 on lab1, lab2" in text(cell)
    figure = "application/vnd.neronet.figure+json"
    assert any(figure in out.get("data", {}) for out in cell.outputs)


def test_the_live_frame_of_the_demo_ends_with_all_runs_finished(done: Any) -> None:
    [output] = code(done, "frame(live=True)").outputs
    assert "6 runs of first_sweep: 6 finished" in output.data["text/plain"]
    assert output.data["text/html"].count("<td>finished</td>") == 6


def test_the_frame_of_the_demo_has_a_row_for_each_value(done: Any) -> None:
    table = text(code(done, "groupby"))
    assert [row.split()[0] for row in table.splitlines()[2:]] == ["0.02", "0.20", "1.20"]
    assert "NaN" not in table


def test_the_demo_shows_a_log(done: Any) -> None:
    lines = text(code(done, "%nero logs")).splitlines()
    assert len(lines) == 30 and all(line.startswith("loss ") for line in lines)


def test_the_demo_runs_only_what_is_new(done: Any) -> None:
    said = text(code(done, "seed=1..3 --name first_sweep"))
    assert "6 of 9 were run before" in said and "9 runs of first_sweep: 1-9 on lab1, lab2" in said


def test_the_demo_previews_the_commands_of_a_folder(done: Any) -> None:
    assert "python3 train.py --rate 0.001 --seed 1 --epochs 40" in text(code(done, "%nero preview"))


def test_the_demo_ends_runs_that_diverge(done: Any) -> None:
    frame = text(code(done, '"accuracy"'))
    assert frame.count("finished") == 9 and frame.count("terminated") == 3
    assert "condition diverged" in frame


def test_the_demo_leaves_nothing_behind(done: Any) -> None:
    assert done.left == []


# -- its nodes


@pytest.fixture
def nodes(home: Path) -> Iterator[DemoNodes]:
    with DemoNodes(home / "demo") as demo:
        yield demo


def test_nobody_else_may_log_in(nodes: DemoNodes) -> None:
    port = nodes.servers[0].port

    async def login(**options: Any) -> None:
        await asyncssh.connect("127.0.0.1", port, known_hosts=None, config=None, agent_path=None, **options)

    stranger = asyncssh.generate_private_key("ssh-ed25519")
    for options in ({"client_keys": [stranger]}, {"client_keys": None, "password": "x"}):
        with pytest.raises(asyncssh.PermissionDenied):
            asyncio.run(login(**options))


def test_its_keys_are_readable_by_their_user_alone(nodes: DemoNodes) -> None:
    keys = [path for path in nodes.folder.iterdir() if path.name.endswith("key")]
    assert len(keys) == 3 and all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in keys)


def test_runs_survive_a_restart_of_the_nodes_and_come_back_whole(nodes: DemoNodes, tmp_path: Path) -> None:
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp/main.py").write_text(
        "import time\nfor step in range(30):\n    print('loss', step, flush=True)\n    time.sleep(0.1)\n"
    )
    (tmp_path / "exp/config.yaml").write_text(
        "run_command_prefix: python3\nmain_code_file: main.py\n+long:\n  parameters: {x: [1, 2]}\n"
    )
    with Neroman() as neroman:
        runs = neroman.submit(tmp_path / "exp", "lab")
        assert {run.node for run in runs} == {"lab1", "lab2"}
        ports = [server.port for server in nodes.servers]
        nodes.stop()
        again = DemoNodes(nodes.folder).start()
        assert [server.port for server in again.servers] == ports
        assert neroman.home == again.home
        runs.wait(40)
        assert runs.states == {"finished": 2}
        assert runs.points("loss")["value"].tolist() == [float(step) for step in range(30)] * 2
        neroman.stop_engine()
    again.stop()


def test_the_environment_of_this_process_is_given_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NERONET_HOME", "/elsewhere")
    with DemoNodes(home / "demo") as demo:
        assert os.environ["NERONET_HOME"] == str(demo.home)
    assert os.environ["NERONET_HOME"] == "/elsewhere"
    assert not demo.folder.exists() and not left(home)


# -- outputs while the kernel is busy


@pytest.fixture
def kernel(home: Path, tmp_path: Path) -> Iterator[BlockingKernelClient]:
    """A kernel whose `runs` are two that go on for twelve seconds, on the node local."""
    (home / ".neronet").mkdir()
    (home / ".neronet/nodes.yaml").write_text("nodes:\n  local:\n    type: local\n    slots: 2\n")
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    try:
        cell = (
            "import time\nfor step in range(120):\n    print('loss', step, flush=True)\n    time.sleep(0.1)\n"
        )
        for source in ("%load_ext neronet", f"%%neronet --on local seed=1..2\n{cell}", "runs = _"):
            client.execute_interactive(source, timeout=60)
        yield client
        client.execute_interactive(
            "runs.wait(); runs._neroman.stop_engine(); runs._neroman.close()", timeout=60
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert left(home) == []


def during(client: BlockingKernelClient, source: str) -> list[dict[str, Any]]:
    """The messages about displays that come while a cell runs."""
    found: list[dict[str, Any]] = []
    client.execute_interactive(
        source,
        timeout=60,
        output_hook=lambda message: found.append(message) if "display" in message["msg_type"] else None,
    )
    return found


@pytest.mark.parametrize(
    "busy",
    ["import time; time.sleep(5)", "import time\nend = time.time() + 5\nwhile time.time() < end: pass"],
)
def test_a_live_frame_moves_while_a_cell_keeps_the_kernel_busy(
    kernel: BlockingKernelClient, busy: str
) -> None:
    shown = during(kernel, "runs.frame(live=True)")
    updates = during(kernel, busy)
    assert len(updates) >= 3 and {one["msg_type"] for one in updates} == {"update_display_data"}
    [output] = {one["content"]["transient"]["display_id"] for one in [*shown, *updates]}
    assert output
    pictures = [one["content"]["data"]["text/html"] for one in updates]
    assert len(set(pictures)) == len(pictures)


def test_a_live_frame_moves_while_the_kernel_idles(kernel: BlockingKernelClient) -> None:
    kernel.execute_interactive("runs.frame(live=True)", timeout=60)
    end, updates = time.monotonic() + 30, []
    while len(updates) < 3 and time.monotonic() < end:
        message = kernel.get_iopub_msg(timeout=30)
        if message["msg_type"] == "update_display_data":
            updates.append(message["content"]["data"]["text/html"])
    assert len(set(updates)) == 3


def test_a_live_frame_is_up_to_date_when_its_neroman_is_closed(kernel: BlockingKernelClient) -> None:
    kernel.execute_interactive("import neronet; other = neronet.Neroman()", timeout=60)
    during(kernel, "other.runs().frame(live=True)")
    updates = during(kernel, "other.runs().terminate(); other.close()")
    assert updates[-1]["content"]["data"]["text/html"].count("<td>terminated</td>") == 2


# -- binder/


def test_binder_installs_the_package_and_shares_the_home_of_the_demo(home: Path) -> None:
    folder = ROOT / "binder"
    assert "pip" in yaml.safe_load((folder / "environment.yml").read_text())["dependencies"]
    for name in ("postBuild", "start"):
        assert os.access(folder / name, os.X_OK)
        subprocess.run(["bash", "-n", folder / name], check=True)
    said = subprocess.run(
        [folder / "start", "sh", "-c", "echo $NERONET_HOME"], capture_output=True, text=True, check=True
    )
    assert Path(said.stdout.strip()) == demo_nodes.FOLDER.expanduser() / "home"
