"""A rule that was tried on recorded runs, written into the config.yaml of their experiment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from neronet.errors import InputError
from neronet.spec import editing
from neronet.spec.config import load_config
from neronet.spec.edit_rule import rule_line, with_rule

if TYPE_CHECKING:
    from neronet.api.neroman import Neroman


def write_rule(neroman: Neroman, experiment: str, rule: Mapping[str, str], name: str = "") -> Path:
    """Gives the experiment this `stop_losers`, or with a `name` this condition; the file that has changed.

    Runs that were submitted stay as they are. Raises InputError, and changes nothing, when the file cannot take it.
    """
    known = neroman.store.experiments.get(experiment)
    if known is None:
        raise InputError(
            f"the experiment {experiment} was removed, its config.yaml is not known",
            f"add it again, or write yourself: {rule_line(rule, name)}",
        )
    text, sha256 = editing.fingerprint(known.folder)
    config = load_config(known.folder)
    config.check()
    if experiment not in {each.id for each in config.experiments}:
        raise InputError(
            f"{known.folder / editing.FILE} has no experiment {experiment} any more", "add it again"
        )
    editing.write(known.folder, with_rule(text, experiment, rule, name), sha256)
    if known.config_sha256 == sha256:  # it was what config.yaml said: it is what it says now
        neroman.add_experiment(known.folder)
    return known.folder / editing.FILE
