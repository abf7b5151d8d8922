"""A real JupyterLab (or Notebook) server of the installed environment, in a folder and a home of its own."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from neronet import Neroman

STARTS = 60.0  # seconds that a server may take on a busy machine
ENDS = 20.0
PATH = ".neronet-panel"  # the session of the panel's kernel
# No question whether news may be fetched: it would lie over the page.
QUIET = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": False}


class JupyterServer:
    """`url` opens its JupyterLab in a workspace of its own each time; `root` is the folder that it shows."""

    def __init__(self, folder: Path, app: str = "jupyterlab", **env: str) -> None:
        self.folder, self.app = folder, app
        self.root, self.home = folder / "work", folder / "home"
        self.neronet_home = self.home / ".neronet"
        self.token, self.port = secrets.token_hex(16), _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self.only_rows = False  # a test wrote its runs into the store: no process is behind them
        for made in (self.root, self.home):
            made.mkdir(parents=True)
        settings = folder / "config/lab/user-settings/@jupyterlab/apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(QUIET))
        self.env = {
            **os.environ,
            "HOME": str(self.home),
            "NERONET_HOME": str(self.neronet_home),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
            **env,
        }

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.address}/lab/workspaces/test{next(self._numbers)}?reset&token={self.token}"

    def start(self) -> JupyterServer:
        """Returns once it answers."""
        argv = [
            sys.executable, "-m", self.app, "--no-browser", "--allow-root", f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={self.root}", "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
        ]  # fmt: skip
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(argv, env=self.env, cwd=self.root, stdout=log, stderr=log)
        self.until_it_answers()
        return self

    def until_it_answers(self) -> None:
        end = time.monotonic() + STARTS
        while True:
            try:
                self.get("status")
                return
            except OSError:
                assert self._process is not None and self._process.poll() is None, self.log
                assert time.monotonic() < end, self.log
                time.sleep(0.05)

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-5000:]

    def get(self, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> Any:
        """What `/api/PATH` says."""
        headers = {"Authorization": f"token {self.token}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/api/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def panel_sessions(self) -> list[Any]:
        """The sessions of the panel's kernel, of which there is one at most unless two pages started one at once."""
        return [one for one in self.get("sessions") if one["path"] == PATH]

    def shut_down_panel(self) -> None:
        """Ends the panel's kernel, as the list of running kernels does."""
        for session in self.panel_sessions():
            self.get(f"sessions/{session['id']}", "DELETE")

    def start_panel(self, kernel: dict[str, str] | None = None, path: str = PATH) -> Any:
        """Starts the panel's kernel as a page does, or a further session with this kernel; the session."""
        asked = {"name": "Neronet", "path": path, "type": "console", "kernel": kernel or {"name": "python3"}}
        return self.get("sessions", "POST", asked)

    def panel_kernel(self) -> psutil.Process:
        """The process of the panel's kernel, of which there is exactly one."""
        [session] = self.panel_sessions()
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True)
        [kernel] = [child for child in children if session["kernel"]["id"] in _command(child)]
        return kernel

    def kill(self) -> None:
        """Ends the server at once, as a crash does, and its kernels, as an orphaned kernel ends."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends the server as Ctrl-C in its terminal does; its kernels end with it."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        kernels = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(how)
        try:
            process.wait(ENDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _, alive = psutil.wait_procs(kernels, timeout=0 if how == signal.SIGKILL else 3)
        for kernel in alive:
            kernel.kill()
        psutil.wait_procs(alive, timeout=ENDS)

    def close(self) -> None:
        """Ends the server, its kernels, the engine and every run; raises AssertionError when something is left."""
        self.stop()
        if self.neronet_home.exists():
            with Neroman(self.neronet_home) as neroman:
                open_runs = [run.number for run in neroman.runs() if run.ended is None]
                if open_runs and not self.only_rows:
                    neroman.terminate(",".join(map(str, open_runs))).wait(30)
                neroman.stop_engine()
        end = time.monotonic() + ENDS
        while (left := self._left()) and time.monotonic() < end:
            time.sleep(0.1)
        for process in left:
            process.kill()
        assert not left, f"still there: {left}"

    def _left(self) -> list[psutil.Process]:
        """Processes that were given one of our folders, in their command or in their environment."""
        found = []
        for process in psutil.process_iter():
            try:
                words = [*process.cmdline(), *process.environ().values()]
            except psutil.Error:
                continue
            if process.pid != os.getpid() and any(f"{self.folder}/" in word for word in words):
                found.append(process)
        return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return ""
