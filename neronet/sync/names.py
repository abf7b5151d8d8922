"""Which names from a node may become files here; pure.

A results folder may lie on any system, or be copied to one later.  So what one of
them would take for another place, a device or another file is refused on all.
"""

from __future__ import annotations

import os
import re
import unicodedata

from neronet.errors import UnsafePath
from neronet.sync.manifest import MAX_DEPTH

MAX_NAME = 255  # bytes

# Control signs, and those that let a name show itself in another order than it has.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_DRIVE = re.compile(r"[A-Za-z]:")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³])\Z", re.IGNORECASE)


def safe_parts(path: str) -> tuple[str, ...]:
    """The components of a relative path from a node; raises UnsafePath when one could lead anywhere else."""
    parts = tuple(path.split("/"))
    if len(parts) > MAX_DEPTH:
        raise UnsafePath(f"{path!r:.200} is nested more than {MAX_DEPTH} folders deep")
    for part in parts:
        problem = _problem(part)
        if problem:
            raise UnsafePath(
                f"{path!r:.200} is not stored: {problem}",
                "The file stays on the node; give it another name there to have it here.",
            )
    return parts


def hides(path: str) -> bool:
    """Whether it holds control signs, or such that let it show itself in another order than it has."""
    return _CONTROL.search(path) is not None


def _problem(part: str) -> str:
    """Why this component is refused; '' when it is not."""
    if part in ("", ".", ".."):
        return "it is not a plain relative path"
    if "\\" in part or _DRIVE.match(part) or (os.name == "nt" and ":" in part):
        return "Windows would read it as another place"
    if _CONTROL.search(part):
        return "it holds control characters"
    if part[-1] in ". ":
        return "a name that ends with a dot or a space is another one on Windows"
    if _DEVICE.match(part.partition(".")[0].rstrip(" ")):
        return "it is the name of a device on Windows"
    try:
        encoded = part.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return "it is not text"
    if encoded.decode("utf-8", "surrogateescape") != part:
        return "it is another name in disguise"
    if len(encoded) > MAX_NAME:
        return f"a name in it is longer than {MAX_NAME} bytes"
    return ""


def is_twin(name: str, there: list[str]) -> bool:
    """Whether a file that was found under `name` is really called otherwise in its folder.

    Happens on file systems that take `Model.pt` and `model.pt` for one file; some of them also change the
    form of composed characters, which is no other name.
    """
    form = unicodedata.normalize("NFC", name)
    return not any(form == unicodedata.normalize("NFC", other) for other in there)
