"""What a run is called: by people (`lang_exp1/hyperparamx=34`), in the original, by the file system."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

MAX_VALUE = 60  # characters of a value in a name
MAX_FOLDER = 80  # bytes: with its parents a folder must stay well below every system's limit

# A comma parts the values, @2 marks a run that was submitted again, % is the escape itself.
_ESCAPED = ",@%"
_UNSAFE = re.compile(rb"[^A-Za-z0-9_.=,@%+-]")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)  # files on Windows


def value_in_name(value: str) -> str:
    """The value as it stands in a run's name: one line, told apart from every other value."""
    shown = "".join(sign if sign.isprintable() and sign not in _ESCAPED else _percent(sign) for sign in value)
    return shown if len(shown) <= MAX_VALUE else f"{shown[: MAX_VALUE - 9]}~{_hash(value)}"


def aliases(experiment: str, name: str, parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The original's long forms of a run's name: `ID_x-34_y-2`, sorted by parameter.

    One with all parameters, as the original had it, and one with those that vary; none for the
    only run of an experiment.
    """
    _, slash, varying = name.partition("/")
    if not slash:
        return ()
    some = [pair.partition("=")[0] for pair in varying.split(",")]
    forms = [
        "_".join(
            [experiment, *(f"{name}-{parameters[name]}" for name in sorted(names) if name in parameters)]
        )
        for names in (parameters, some)
    ]
    return tuple(dict.fromkeys(forms))


def folder_name(run_name: str) -> str:
    """The folder of a run's results, relative to results/: `lang_exp1/hyperparamx=34`.

    Works on every file system: other characters are percent-encoded, and a part of more than
    80 bytes ends with 8 digits of a hash.
    """
    experiment, slash, rest = run_name.partition("/")
    return _part(experiment) + (f"/{_part(rest)}" if slash else "")


def _part(text: str) -> str:
    safe = _UNSAFE.sub(lambda match: b"%%%02X" % match[0][0], text.encode("utf-8", "surrogatepass")).decode(
        "ascii"
    )
    if safe.startswith(".") or _DEVICE.match(safe) or not safe:
        safe = (_percent(safe[0]) if safe else "%") + safe[1:]
    if safe.endswith("."):
        safe = safe[:-1] + _percent(".")
    if len(safe) > MAX_FOLDER:
        safe = f"{safe[: MAX_FOLDER - 9]}-{_hash(text)}"
    return safe


def _percent(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode("utf-8", "surrogatepass"))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
