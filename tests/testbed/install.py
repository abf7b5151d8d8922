"""Installs the Debian packages that the tests' real parts need: `python3 tests/testbed/install.py`.

Nothing is done when all are there.  Needs root and apt-get.  No service of a package is
started: the tests start their own daemons, with addresses, homes and keys of their own.
Standard library only, so that it runs before anything of ours is installed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = (
    "openssh-server",
    "openssh-client",
    "libpam-oath",
    "tcsh",
    "zsh",
    "fish",
    "rsync",
    "parallel",
    "iproute2",
    "util-linux",
    "procps",
    "gcc",
    "libc6-dev",
    "slurmctld",
    "slurmd",
    "slurm-client",
    "munge",
    "gridengine-master",
    "gridengine-exec",
    "gridengine-client",
    "task-spooler",
    "bindfs",
    "chromium",
    "fonts-dejavu-core",  # the widest font that users are likely to have: what fits with it fits everywhere
)
APT = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3")
POLICY = Path("/usr/sbin/policy-rc.d")


class InstallError(Exception):
    """The packages cannot be had here; the text says why and what to do."""


def missing() -> list[str]:
    """The names of the needed packages that are not installed."""
    query = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *PACKAGES]
    known = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return [package for package in PACKAGES if f"{package} installed" not in known.splitlines()]


def ensure() -> list[str]:
    """Installs what is missing and returns its names; raises InstallError."""
    if os.geteuid() != 0:
        raise InstallError("the real ssh nodes need root (users and namespaces of their own); run as root")
    if not shutil.which("apt-get"):
        raise InstallError(f"no apt-get here; install what these Debian packages hold: {' '.join(PACKAGES)}")
    wanted = missing()
    if wanted:
        with Path("/run/neronet-tests-install.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the policy file below is one for the whole machine
            wanted = missing()
            _install(wanted)
    return wanted


def _install(packages: list[str]) -> None:
    made_policy = not POLICY.exists()
    if made_policy:  # the packaged way to say that no service may start
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        command = [*APT, "install", "--no-install-recommends", *packages]
        done = _apt(command)
        if done.returncode:  # the package lists of a fresh machine are absent or old
            _apt([*APT, "update"])
            done = _apt(command)
        if done.returncode:
            raise InstallError(f"apt-get could not install {' '.join(packages)}:\n{done.stdout[-2000:]}")
    finally:
        if made_policy:
            POLICY.unlink()


def _apt(command: list[str]) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command,
        env=env,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


if __name__ == "__main__":
    try:
        print("installed:", " ".join(ensure()) or "nothing, all was there")
    except InstallError as error:
        sys.exit(f"tests/testbed/install.py: {error}")
