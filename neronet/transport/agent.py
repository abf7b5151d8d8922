"""The agent as one file: a zip of the node side's own source files, which Python runs as it is, and of the adapters to
schedulers that other packages add.

Its bytes depend on nothing but these files, and its name on nothing but its bytes,
so a node that has it needs no other proof of the version.
"""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from neronet.spec import plugins, schedulers

_MAIN = "import sys\n\nfrom neronet.node.main import main\n\nsys.exit(main(sys.argv[1:]))\n"


@dataclass(frozen=True)
class Agent:
    data: bytes
    sha256: str  # hex


def build_agent(package: Path) -> Agent:
    """The agent made of `package`/wire, `package`/node and the adapters that are installed now."""
    return _build(
        package,
        tuple(sorted((name, plugins.file_of(one).read_bytes()) for name, one in schedulers.others().items())),
    )


@functools.cache
def _build(package: Path, adapters: tuple[tuple[str, bytes], ...]) -> Agent:
    sources = [*package.glob("wire/*.py"), *package.glob("node/**/*.py")]
    # Output processors are called on nodes: the examples of some are, too.
    sources += [path for path in package.glob("scripts/*.py") if path.stem in ("__init__", "example")]
    entries = {f"neronet/{path.relative_to(package).as_posix()}": path.read_bytes() for path in sources}
    entries |= {f"neronet/node/wardens/{name}.py": source for name, source in adapters}
    # The user side's __init__ would import what is not there.
    entries |= {"__main__.py": _MAIN.encode(), "neronet/__init__.py": b""}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(entries):
            entry = zipfile.ZipInfo(name)  # its default time is the first of 1980
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, entries[name], zipfile.ZIP_DEFLATED, 9)
    data = target.getvalue()
    return Agent(data, hashlib.sha256(data).hexdigest())
