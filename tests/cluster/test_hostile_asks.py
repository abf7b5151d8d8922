"""What users write into names, comments and options of jobs is passed on to a real Slurm as it is, or refused: no shell
runs it, and no option, directive or job comes of it that nobody asked for.

NERONET_ASKS sets how many values are tried (40).
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.errors import InputError
from tests.bad_input.test_nasty_parameters import nasty, quoted
from tests.cluster.clusters import NODE, NOTED, add, starts, until, wait
from tests.testbed.fixtures import SlurmFactory

pytestmark = pytest.mark.real

ASKS = int(os.environ.get("NERONET_ASKS", "40"))
HIT = "touch $HOME/hit"
SHARP = [
    f"$({HIT})", f"`{HIT}`", f"; {HIT} #", f"x\n{HIT}\n", f"x\n#SBATCH --wrap='{HIT}'\n", "\n#SBATCH --array=0-9\n", f"' {HIT} '",
    f'"; {HIT}; "', f"x --wrap='{HIT}'", f"x\r{HIT}", "x --array=0-9", "--array=0-9", f"&& {HIT}", f"| {HIT}", "x\n\n#SBATCH -J hit",
    "--export=ALL,PATH=.", "-D/", "%j%A", "../../hit", "debug,debug",
]  # fmt: skip
OPTIONS = (
    "--account",
    "--wckey",
    "--account",
    "--partition",
    "--qos",
    "--constraint",
    "--licenses",
    "--comment",
)
# Stands before the real sbatch: notes each of its words.
CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
{name}:
  parameters: {{}}
  parameter_format: '{number}'
{asks}"""
SEEN = """\
#!/bin/sh
echo sbatch >>/usr/local/calls
printf '%s\\0' "$@" '' >>/usr/local/asked
exec /usr/bin/sbatch "$@"
"""


def values(count: int) -> list[str]:
    """The sharpest, then others of the nasty ones; Slurm's client itself takes no longer ones."""
    rest = [value.replace("touch x", HIT) for value in nasty() if value and len(value) < 1000]
    return list(dict.fromkeys([*SHARP, *rest]))[:count]


TOKEN = re.compile(r"[0-9a-f]{16}")


def calls(asked: Path) -> list[list[str]]:
    """The words of each call."""
    return [call.split("\0") for call in asked.read_bytes().decode().split("\0\0")[:-1]]


@pytest.mark.timeout(180 + 2 * ASKS)
def test_hostile_names_comments_and_options_do_nothing(
    slurm_factory: SlurmFactory, neroman: Neroman, tmp_path: Path
) -> None:
    slurm = slurm_factory(cpus=16)
    add(neroman, slurm)
    (slurm.login.folder / "local/bin/sbatch").write_text(SEEN)
    asked = slurm.login.folder / "local/asked"
    asked.touch()
    asked.chmod(0o666)
    words: list[str] = []
    refused = 0
    for number, value in enumerate(values(ASKS)):
        words.append(f"{OPTIONS[number % len(OPTIONS)]}={value}")
        folder = tmp_path / f"s{number}"
        folder.mkdir()
        (folder / "main.sh").write_text(NOTED)
        asks = f"  custom_msg: {quoted(value)}\n  sbatch_args: {quoted(shlex.quote(words[-1]))}\n"
        for name in (f"e{number}{value}", f"e{number}"):
            (folder / "config.yaml").write_text(
                CONFIG.format(number=number, name=quoted(f"+{name}"), asks=asks)
            )
            try:
                neroman.submit(folder, NODE, wait=0.0)
                break
            except InputError:
                if name == f"e{number}":
                    raise
                refused += 1
    runs = neroman.runs()
    allowed = [word for word in words if not word.startswith("--comment=")]
    # Refused ones are tried again, each by itself.
    until(
        lambda: {word for argv in calls(asked) for word in argv} >= set(allowed),
        "not all are sent",
        timeout=120 + ASKS,
    )
    assert all(sum(word in allowed for word in argv) == 1 for argv in calls(asked))
    rest = {tuple(TOKEN.sub("", word) for word in argv if word not in allowed) for argv in calls(asked)}
    assert len(rest) == 1, rest
    until(lambda: set(slurm.jobs().values()) <= {"COMPLETED"}, lambda: slurm.jobs(), timeout=120)
    names = slurm.run("/usr/bin/squeue -h -r -t all -o %j", "root").split()
    assert names and all(re.fullmatch(r"nn-[0-9a-f]{16}", name) for name in names)
    until(lambda: runs.states.get("finished") == len(names), lambda: dict(runs.states))
    assert len(starts(slurm)) == len(set(starts(slurm))) == len(names)
    print(f"{len(words)} values, {refused} refused as names, {len(names)} jobs, {dict(runs.states)}")
    neroman.terminate(runs)
    assert set(wait(runs)) == {"finished", "terminated"}
    assert not slurm.run("find $HOME -name 'hit*'") and not list(tmp_path.rglob("hit*"))
