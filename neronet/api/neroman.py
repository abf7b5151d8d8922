"""Neroman: everything that Neronet does for a user, for notebooks, the widgets and the command line alike."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from neronet.api import backtesting, contact, environment, nodestatus, targets, wishes
from neronet.api.fromlogs import FromLogs
from neronet.api.nodestatus import STALE, NodeStatus
from neronet.api.progress import UNKNOWN, Length
from neronet.api.records import Records
from neronet.api.removal import clean, delete_runs
from neronet.api.run import Run
from neronet.api.runset import RunSet, folder_of
from neronet.api.targets import ExperimentStatus, Planned, Selector
from neronet.api.trusted import Trusted
from neronet.api.watching import Watching
from neronet.api.wishes import ANSWER
from neronet.engine.client import EngineClient
from neronet.engine.doctor import Check
from neronet.engine.holder import Holder, default_home
from neronet.errors import EngineError, InputError, NeronetError
from neronet.spec.config import load_config
from neronet.spec.edit_node import edit_node
from neronet.spec.nodes import Nodes, NodeSpec, add_node, load_nodes, remove_node
from neronet.spec.preferences import load_preferences, write_first_files
from neronet.spec.problems import Problem, did_you_mean
from neronet.store.git import known as git
from neronet.store.home import home_id
from neronet.store.points import Last
from neronet.store.runs import RunRow
from neronet.store.store import Store
from neronet.wire import states

NO_POINTS = Last({}, {})

if TYPE_CHECKING:
    # What only submits is imported by who submits: it costs as much as all that a look at runs needs.
    from neronet.api.planning import Plan
    from neronet.api.submitting import Progress, Submitting
    from neronet.transport.base import Question

QUICK = 3.0  # seconds that `status` waits for what is stale at most


class Neroman(Records, FromLogs):
    """Neronet of one NERONET_HOME (default ~/.neronet); a context manager.

    Raises NeronetError, whose text says what happened and whose `hint` what to do next. `background`: the engine
    runs in a process of its own that outlives this one; else in this process, when no other has it.
    """

    def __init__(self, home: str | Path | None = None, *, background: bool = False) -> None:
        self.home = default_home() if home is None else Path(home).expanduser().absolute()
        write_first_files(self.home)
        self.home_id = home_id(self.home)
        self.trusted = Trusted(self.home)  # whose plotting code runs here
        self._store, self._process = Store(self.home), os.getpid()
        self.engine_client = EngineClient(self.home, self._store, background)
        self._watching = Watching(self.engine_client, self.home)

    @property
    def store(self) -> Store:
        """The user's database. Raises EngineError in a forked process, which must not share its connection."""
        if self._process != os.getpid():
            raise EngineError(
                "this Neroman belongs to the process that was forked", "make a new one in this process"
            )
        return self._store

    @property
    def _submitting(self) -> Submitting:
        from neronet.api.submitting import Submitting

        return Submitting(self.home, self.home_id, self.store, self.engine_client)

    def close(self) -> None:
        """Ends what this process does for Neronet; runs on nodes go on."""
        if self._process == os.getpid():
            self._watching.close()
            self.engine_client.close()
            self._store.close()

    def __enter__(self) -> Neroman:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- nodes

    def add_node(self, id: str, address: str, **fields: object) -> None:  # noqa: A002
        """Stores a node in nodes.yaml; it need not answer. `fields`: type, slots, gpus, memory, root, ..."""
        add_node(self.home / "nodes.yaml", id, address, fields)

    def remove_node(self, id: str, force: bool = False) -> None:  # noqa: A002
        """Forgets a node. Refuses while runs on it are open, unless `force`: they are lost then."""
        if self._spec(id).type == "local" and id == "local":
            raise InputError("the node local is always there", "runs go where you submit them")
        with self.store.transaction(durable=True):
            contact.give_up(self.store, id, force)
            remove_node(self.home / "nodes.yaml", id)  # last: when it cannot be written, nothing has changed

    def edit_node(self, id: str, **fields: object) -> None:  # noqa: A002
        """Changes fields of a node in nodes.yaml (ssh_address, slots, root, ...), None takes one away; comments stay."""
        edit_node(self.home / "nodes.yaml", id, fields)

    def ssh_hosts(self) -> list[str]:
        """The hosts that ~/.ssh/config names, in its order, without patterns: what a node's address may be."""
        from neronet.transport.ssh_config import aliases

        return aliases(Path.home() / ".ssh/config")

    def nodes(self) -> list[NodeStatus]:
        """All nodes as they were last seen."""
        return nodestatus.of(self._nodes(), self.store)

    def probe(self, id: str, timeout: float = contact.PROBE) -> NodeStatus:  # noqa: A002
        """A node as it is now. Raises NeronetError when it cannot be used."""
        self._spec(id)
        found = contact.probe(self.engine_client, [id], timeout)[id]
        if "problem" in found:
            raise NeronetError(found["problem"], found["hint"])
        return next(node for node in self.nodes() if node.id == id)

    def doctor(self, node: str | None = None) -> list[Check]:
        """What is right and wrong with a node, or with all of them."""
        specs = list(self._nodes().nodes) if node is None else [self._spec(node)]
        return contact.doctor(self.engine_client, self.store, specs)

    # -- experiments

    def add_experiment(self, folder: str | Path) -> list[str]:
        """Adds, or updates, the experiments of a folder; their ids. Raises ConfigError with all problems at once."""
        return self._submitting.add([load_config(targets.folder_path(folder))])

    def problems(self, folder: str | Path) -> tuple[Problem, ...]:
        """Errors, warnings and notes about the configuration of a folder."""
        return load_config(targets.folder_path(folder)).problems

    def remove_experiment(self, id: str) -> None:  # noqa: A002
        """Forgets an experiment; its runs, results and folder stay."""
        targets.known(self.store, id)
        self.store.experiments.delete([id])

    def copy_experiment(self, id: str, new: str) -> None:  # noqa: A002
        """The same experiment under another id, in the database and in its config.yaml's place."""
        targets.copy(self.store, id, new)

    def experiments(self) -> list[ExperimentStatus]:
        """What is defined, with how many of its runs are in which state."""
        return targets.statuses(self.store)

    def preview(self, target: str | Path) -> list[Planned]:
        """The runs that a folder, an experiment or a collection stands for, with their exact commands."""
        return targets.preview(self.store, target)

    def awaited(self, target: str | Path) -> list[str]:
        """The experiments without runs that these come `after`: until they have some, `submit` refuses."""
        return targets.awaited_by(self.store, target)

    # -- submitting

    def submit(
        self,
        target: str | Path | Sequence[str | Path],
        node: str | None = None,
        *,
        again: bool = False,
        confirmed: bool = False,
        wait: float = ANSWER,
        progress: Progress | None = None,
    ) -> RunSet:
        """Submits what `target` stands for to a node or group (default: the default node); the new runs.

        Returns when the node has accepted them, after `wait` seconds at most; whatever happens then, they are
        stored and will be sent. What was run before (same command, same files) is left out unless `again`.
        Raises InputError, and asks for `confirmed` above 10,000 runs.
        """
        nodes = self._nodes()
        given = [target] if isinstance(target, str | Path) else target
        numbers, notes = self._submitting.submit(
            given, nodes, self._members(nodes, node), again, confirmed, wait, progress
        )
        return RunSet(self, numbers, notes)

    def plan_submission(self, target: str | Path, node: str | None = None, again: bool = False) -> Plan:
        """What `submit` would do now with the same arguments, without doing it: nothing is stored, copied or asked.

        Never raises for what the user has yet to mend: that is among the plan's problems. Files are read once and
        then only when they change, so it may be asked for while somebody types.
        """
        from neronet.api import planning

        return planning.plan(self.store, self.home, target, lambda: self._members(self._nodes(), node), again)

    # -- runs

    def runs(self, selector: Selector | None = None) -> RunSet:
        """All runs, or those that a selector names: a number, a range `124-186`, a name, a glob, an experiment."""
        if selector is None:
            return RunSet(self, self.store.runs.numbers())
        return RunSet(self, targets.select_runs(self.store, selector))

    def terminate(self, selector: Selector | RunSet) -> RunSet:
        """Ends runs; those on a node that does not answer end at the next contact, notes say so, but for those
        that were never sent there: these end at once."""
        return self._act("terminate", selector, wishes.by_user())

    def hold(self, selector: Selector | RunSet) -> RunSet:
        """Keeps runs that have not begun from beginning."""
        return self._act("hold", selector, states.HELD)

    def release(self, selector: Selector | RunSet) -> RunSet:
        """Lets held runs begin."""
        return self._act("release", selector, "")

    def set_priority(self, selector: Selector | RunSet, priority: int) -> RunSet:
        """Higher ones begin first; for the whole submission that a run belongs to."""
        runs = self._act("priority", selector, "", priority)
        self.store.runs.set_priority(runs.numbers, priority)
        return runs

    def delete_runs(self, selector: Selector | RunSet) -> None:
        """Deletes ended runs here, their results, points and history, for good; what nodes have of them stays there
        until it is tidied, and never comes back. Raises InputError, before anything is deleted, for open ones."""
        delete_runs(self.store, self.home, self._selected(selector).rows())

    def rerun(self, selector: Selector | RunSet, failed: bool = False) -> RunSet:
        """New attempts of ended runs (only of those that did not finish, when `failed`), from the same snapshots."""
        rows = self._selected(selector).rows()
        ended = [row for row in rows if row.state in states.ENDED]
        chosen = [row for row in ended if not (failed and row.state == states.FINISHED)]
        running = len(rows) - len(ended)
        notes = [f"{running} of them have not ended and are left alone"] if running else []
        if chosen:
            notes += self._submitting.rerun(chosen, self._nodes(), ANSWER)
        return RunSet(self, [row.number for row in chosen], notes)

    def _act(self, do: str, selector: Selector | RunSet, why: str, priority: int = 0) -> RunSet:
        runs = self._selected(selector)
        return RunSet(
            self,
            runs.numbers,
            wishes.act(self.store, self.home, self.engine_client, runs.rows(), do, why, priority),
        )

    # -- what is known

    backtest = backtesting.backtest

    def fetch(self, timeout: float | None = None, nodes: Sequence[str] | None = None) -> list[NodeStatus]:
        """Returns when everything that the reachable nodes had at the call is here, or after `timeout` seconds."""
        if nodes is not None or self.store.batches.find(states=contact.OPEN):
            payload = {"nodes": None if nodes is None else list(nodes)}
            self.engine_client.ask("fetch", payload, 1e9 if timeout is None else timeout)
        return self.nodes()

    def status(self, selector: str | None = None) -> dict[str, Any]:
        """Nodes, experiments and runs as `nerocli status --json` prints them; what is stale is fetched first, in 3 s
        at most. `selector`: what `runs` takes, or a node."""
        self.refresh()
        nodes, experiments, runs = self.nodes(), self.experiments(), self.runs()
        if selector is not None:
            if any(node.id == selector for node in nodes):
                nodes = [node for node in nodes if node.id == selector]
                runs = RunSet(self, [row.number for row in runs.rows() if row.node == selector])
            else:
                names = [item.id for item in experiments]
                runs = RunSet(self, targets.select_runs(self.store, selector, names))
            theirs = {row.experiment for row in runs.rows()}
            experiments = [item for item in experiments if item.id == selector or item.id in theirs]
        return {
            "nodes": [node.to_json() for node in nodes],
            "experiments": [item.to_json() for item in experiments],
            "runs": [run.to_json() for run in runs],
        }

    def refresh(self) -> None:
        """Fetches, in 3 s at most, when something is open on a node of which nothing was heard for 10 s."""
        now = time.time()
        for node in {batch.node for batch in self.store.batches.find(states=contact.OPEN)}:
            row = self.store.nodes.get(node)
            if row is None or row.last_seen is None or now - row.last_seen > STALE:
                self.fetch(QUICK)
                return

    def as_runs(
        self,
        rows: Sequence[RunRow],
        last: Mapping[int, Last],
        lengths: Mapping[int, Length],
        environments: Mapping[int, dict[str, Any]],
    ) -> list[Run]:
        """Rows of the store as users see them: with their metrics, how long they are, and why they wait."""
        on = {row.node for row in rows if row.state in (states.SUBMITTING, states.QUEUED)}
        nodes = {node: self.store.nodes.get(node) for node in on}
        commits = self.store.batches.git({row.token for row in rows})
        runs = []
        for row in rows:
            metrics, points = last.get(row.number, NO_POINTS)
            steps, guessed = lengths.get(row.number, UNKNOWN)
            reason = row.reason
            if not reason and row.state == states.SUBMITTING:
                reason = nodestatus.waiting(nodes[row.node], row.node)
            elif not reason and row.state == states.QUEUED and row.token:
                reason = nodestatus.told_to_wait(nodes[row.node], row.token)
            runs.append(
                Run(
                    number=row.number, name=row.name, experiment=row.experiment, collections=row.collections,
                    parameters=row.parameters, command=row.argv, state=row.state, reason=reason, node=row.node,
                    attempt=row.attempt, exit_status=row.exit_status, submitted=row.submitted, started=row.started,
                    ended=row.ended, metrics=environment.own(metrics), points=environment.own(points),
                    results=folder_of(self.home, row), note=row.note, priority=row.priority, steps=steps,
                    steps_guessed=guessed, tags=row.tags, snapshot=row.snapshot, git=git(commits.get(row.token), self.home),
                    environment=environments.get(row.number, {}), usage=environment.sampled(metrics),
                )
            )  # fmt: skip
        return runs

    def watch(
        self, numbers: set[int], callback: Callable[[], object], closing: Callable[[], object] | None = None
    ) -> Callable[[], None]:
        """Calls back, on a thread of its own, after changes of these runs, and `closing` before this is closed; what
        is returned ends it."""
        self.engine_client.ensure()
        return self._watching.add(numbers, callback, closing)

    # -- housekeeping

    def tidy(self) -> list[str]:
        """Deletes on the nodes what has ended and arrived here; a sentence for each node."""
        return contact.tidy(self.engine_client, self.store)

    def recover(self, node: str) -> RunSet:
        """Rebuilds the runs that a lost database had on a node from what is there; these runs."""
        self._spec(node)
        intent = self.engine_client.ask("recover", {"node": node}, 600.0)
        if not intent.ok:
            result = intent.result or {"problem": f"{node} does not answer"}
            raise NeronetError(result["problem"], result.get("hint", ""))
        return RunSet(self, (intent.result or {})["runs"])

    def clean(self) -> None:
        """Removes all of Neronet's data on this computer: experiments, runs, results, nodes. Nothing on the nodes."""
        self.stop_engine()
        self.close()
        clean(self.home)

    def engine(self) -> Holder | None:
        """The process that runs the engine, None when none does."""
        return self.engine_client.holder()

    def start_engine(self) -> Holder | None:
        """Starts the background engine when nobody runs one."""
        from neronet.engine.background import spawn

        spawn(self.home)
        return self.engine()

    def stop_engine(self) -> bool:
        """Ends the engine; True when there was one. Runs go on."""
        from neronet.engine.background import stop

        return stop(self.home)

    def on_question(
        self,
        answer: Callable[[Question], str | None],
        withdrawn: Callable[[Question], None] | None = None,
    ) -> None:
        """`answer` is asked for one-time codes, host keys and passphrases; it returns None to decline. `withdrawn` is
        called, on another thread, when the question that it shows was answered elsewhere or is asked no longer."""
        self.engine_client.on_question(answer, withdrawn)

    # -- inside

    def _nodes(self) -> Nodes:
        nodes = load_nodes(self.home / "nodes.yaml")
        nodes.check()
        return nodes

    def _spec(self, id: str) -> NodeSpec:  # noqa: A002
        nodes = {spec.id: spec for spec in self._nodes().nodes}
        if id not in nodes:
            raise InputError(f"there is no node {id}", did_you_mean(id, nodes))
        return nodes[id]

    def _members(self, nodes: Nodes, name: str | None) -> list[NodeSpec]:
        preferences = load_preferences(self.home / "preferences.yaml")
        preferences.check()
        default = preferences.default_node or nodes.default_node
        return nodestatus.choose(nodes, name or default or None)
