"""What runs ran on, and what they used: told apart from what they printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from neronet import words
from neronet.wire import samples

if TYPE_CHECKING:
    from neronet.api.run import Run

T = TypeVar("T")


def own(metrics: Mapping[str, T]) -> dict[str, T]:
    """Those of the metrics that the program printed itself."""
    return {name: value for name, value in metrics.items() if not samples.is_sample(name)}


def sampled(metrics: Mapping[str, T]) -> dict[str, T]:
    """Those that Neronet measured."""
    return {name: value for name, value in metrics.items() if samples.is_sample(name)}


# -- in short


def used(run: Run) -> str:
    """`1.9 cores on average, 312 MiB at most`, "" where nothing was measured."""
    cores, peak, gpus = map(run.usage.get, (samples.CPU_MEAN, samples.PEAK, samples.GPU))
    parts = [] if cores is None else [f"{_few(cores)} cores on average"]
    parts += [] if peak is None else [f"{words.memory(peak)} at most"]
    parts += [] if gpus is None else [f"{_few(gpus)} GPUs at last"]
    return ", ".join(parts)


def machine(facts: Mapping[str, Any]) -> str:
    """`gpu1, 64 cores, AMD EPYC 7763, 256 GiB, 2 x A100 (driver 535.104), load 3.1`."""
    parts = [facts.get("host", "")]
    parts += [words.count(facts["cores"], "core")] if "cores" in facts else []
    parts += [facts.get("cpu", ""), words.memory(facts["memory"]) if "memory" in facts else ""]
    names = facts.get("gpus") or []
    parts += [f"{names.count(name)} x {name}" for name in dict.fromkeys(names)]
    parts += [f"driver {facts['driver']}"] if "driver" in facts else []
    parts += [f"load {_few(facts['load'])}"] if "load" in facts else []
    return ", ".join(part for part in parts if part)


def _few(value: float) -> str:
    return f"{round(value, 3):g}"


def software(facts: Mapping[str, Any]) -> str:
    """`Python 3.11.2, conda torch, modules gcc/12 cuda/12.1`."""
    parts = [f"Python {facts['python']}"] if "python" in facts else []
    parts += [f"conda {facts['conda']}"] if "conda" in facts else []
    modules = facts.get("modules")
    parts += [f"modules {' '.join(modules)}"] if modules else []
    return ", ".join(parts)
