"""An experiment as a value: complete, frozen, and storable as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from neronet.spec import exclude
from neronet.spec.exclude import Exclusion
from neronet.spec.placeholders import names
from neronet.spec.ranges import Range, make_range
from neronet.wire.losers import KEEP, MIN_POINTS, REDUCTION, RULE

STREAMS = ("stdout", "stderr")
GRACE = 10.0  # seconds between the polite signal and the last one


@dataclass(frozen=True)
class Parameter:
    """A parameter and its values, as texts; of a range they are computed when asked for."""

    name: str
    values: Sequence[str]


@dataclass(frozen=True)
class Condition:
    """A rule on what a run prints; `after` is None (immediately) or seconds since the program started."""

    id: str
    variablename: str  # "" for silent
    killvalue: float  # 0 for nan, inf, stalled and silent, which compare with nothing
    comparator: str
    after: float | None
    action: str
    points: int | None = None  # stalled: without a new best; a slope: that it is of
    goal: str | None = None  # stalled: minimize (None) or maximize
    by: float | None = None  # stalled: what a new best must be better by
    quiet: float | None = None  # silent: seconds
    times: int | None = None  # so many points in a row
    grace: float | None = None  # stop: seconds

    def to_json(self) -> dict[str, object]:
        """As wire.conditions takes it."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class StopLosers:
    """A rule across the runs of a sweep; see wire/losers.py, which takes it as a dict."""

    metric: str
    goal: str
    rule: str = RULE
    min_points: int = MIN_POINTS
    reduction: int = REDUCTION
    keep: int = KEEP

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Experiment:
    """One `+id` block with all that it inherits."""

    id: str
    folder: Path
    main_code_file: str  # in the folder; absolute: a program of the node; after a prefix `... -m`: a module
    collection: tuple[str, ...] = ()
    run_command_prefix: tuple[str, ...] = ()  # one text, unsplit, when `shell`
    shell: bool = False
    parameters: tuple[Parameter, ...] = ()
    parameter_format: tuple[str, ...] | None = None  # split; None: each parameter as `--name value`
    zips: tuple[tuple[str, ...], ...] = ()
    exclude: tuple[Exclusion, ...] = ()  # a run is left out when any of them holds
    repeat: int = 1
    required_files: tuple[str, ...] | None = None  # None: the folder
    outputs: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    setup: tuple[str, ...] = ()
    cpus: int | None = None
    gpus: int | None = None
    memory: int | None = None  # bytes
    time: float | None = None  # seconds
    priority: int = 0
    custom_msg: str = ""
    buffering: Literal["line", "program"] = "line"
    steps: str | None = None  # a number or the name of a parameter
    repeats: tuple[str, ...] = ()
    grace: float = GRACE  # seconds
    conditions: tuple[Condition, ...] = ()
    stop_losers: StopLosers | None = None
    output_line_processor: dict[str, tuple[str, ...]] = field(default_factory=dict)
    output_file_processor: dict[str, tuple[str, ...]] = field(default_factory=dict)
    plot: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sbatch_args: tuple[str, ...] = ()
    runs_per_job: int = 1  # of a scheduler
    after: tuple[str, ...] = ()  # experiments whose runs must have finished before any of its own starts
    max_parallel: int | None = None  # tasks of one job of a scheduler

    @property
    def output_files(self) -> tuple[str, ...]:
        """The outputs that are files: `outputs: stdout` means the stream."""
        return tuple(name for name in self.outputs if name not in STREAMS)

    @property
    def processors(self) -> list[dict[str, Any]]:
        """All that reads outputs, as the node is told: {"kind": "line" or "file", "file", "call"}; the place in this
        list is the number of the stream of its points."""
        lines = [("line", *item) for item in self.output_line_processor.items()]
        files = [("file", *item) for item in self.output_file_processor.items()]
        return [{"kind": kind, "file": file, "call": list(call)} for kind, file, call in (*lines, *files)]

    @property
    def repeat_parameter(self) -> str | None:
        """What `repeat` adds: `seed` where the command takes it from there, else `repeat`, a mere number."""
        if any(parameter.name == "seed" for parameter in self.parameters):
            return "repeat" if self.repeat > 1 else None
        if self.parameter_format is None:
            return "seed" if self.repeat > 1 else None
        return "seed" if "seed" in names(self.parameter_format) else "repeat" if self.repeat > 1 else None

    @property
    def all_parameters(self) -> tuple[Parameter, ...]:
        """The parameters of its runs: its own, then the one that `repeat` adds."""
        added = self.repeat_parameter
        return (*self.parameters, Parameter(added, numbers(self.repeat))) if added else self.parameters

    @property
    def pooled(self) -> tuple[str, ...]:
        """Parameters over which figures and statistics pool: runs that differ only there are repeats."""
        present = [parameter.name for parameter in self.all_parameters]
        made = [name for name in ("seed", "repeat") if name in present and name not in self.repeats]
        return (*self.repeats, *made)

    def to_json(self) -> dict[str, object]:
        """All of it as JSON values; `from_json` gives an equal experiment."""
        plain = {each.name: _lists(getattr(self, each.name)) for each in fields(self)}
        return {
            **plain,
            "folder": str(self.folder),
            "parameters": [
                [each.name, each.values.to_json() if isinstance(each.values, Range) else list(each.values)]
                for each in self.parameters
            ],
            "exclude": [condition.text for condition in self.exclude],
            "conditions": [condition.to_json() for condition in self.conditions],
            "stop_losers": self.stop_losers and self.stop_losers.to_json(),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Experiment:
        """The experiment that `to_json` stored, also by a version that knew fewer fields."""
        known = {each.name for each in fields(cls)}
        given: dict[str, Any] = {name: _tuples(value) for name, value in stored.items() if name in known}
        given["folder"] = Path(stored["folder"])
        given["parameters"] = tuple(
            Parameter(name, make_range(values) if isinstance(values, dict) else tuple(values))
            for name, values in stored["parameters"]
        )
        given["exclude"] = tuple(exclude.parse(text) for text in stored["exclude"])
        given["conditions"] = tuple(Condition(**{"after": None, **one}) for one in stored["conditions"])
        losers = stored.get("stop_losers")
        given["stop_losers"] = StopLosers(**losers) if losers else None
        return cls(**given)


def numbers(last: int) -> Range:
    """1 to `last`."""
    return make_range({"from": "1", "to": str(last)})


def _lists(value: object) -> object:
    if isinstance(value, tuple):
        return [_lists(item) for item in value]
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return value


def _tuples(value: object) -> object:
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value
