"""What a node does not have yet, as `file` messages.

A content is stored before the one that names it: a node that has the manifest has
the whole folder, so an unchanged one costs a single question.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from neronet.errors import InputError
from neronet.sync.snapshot import Content, Progress, Snapshot
from neronet.wire.messages import MAX_HASHES, MAX_PART

Part = tuple[dict[str, Any], bytes]  # a message without its size, and its bytes

_AT_ONCE = 8  # parts read ahead: a change of thread costs as much as reading a small file


async def upload(
    snapshot: Snapshot,
    runs: Content,
    ask: Callable[[Sequence[str]], Awaitable[Iterable[str]]],
    progress: Progress | None = None,
) -> AsyncIterator[Part]:
    """Yields, in order, what is to be sent so that the node has the snapshot and the `runs` of a batch.

    `ask` sends a `have` with these hashes and returns those that are missing.  Raises InputError when a
    content is no longer what was submitted; nothing of it counts as sent then, since its last part is not.
    """
    lacking = set(await ask([snapshot.head.sha, runs.sha]))
    if snapshot.head.sha in lacking:
        for piece in pieces([file.sha for file in snapshot.files]):
            lacking.update(await ask(piece))
    wanted = missing_contents((*snapshot.files, snapshot.head, runs), lacking)
    total, done, files = sum(content.size for content in wanted), 0, 0
    parts = (part for content in wanted for part in read_parts(content))
    while batch := await asyncio.to_thread(lambda: list(islice(parts, _AT_ONCE))):
        for message, data in batch:
            yield message, data
            done += len(data)
            files += message["offset"] + len(data) == message["total"]
            if progress is not None:
                progress(done, total, files)


def pieces(shas: Sequence[str]) -> Iterator[Sequence[str]]:
    """The hashes in pieces that fit into one `have`."""
    for start in range(0, len(shas), MAX_HASHES):
        yield shas[start : start + MAX_HASHES]


def missing_contents(contents: Iterable[Content], lacking: Iterable[str]) -> list[Content]:
    """Those contents that are lacking, each once, in the order given."""
    rest = set(lacking)
    wanted = []
    for content in contents:
        if content.sha in rest:
            rest.remove(content.sha)
            wanted.append(content)
    return wanted


def read_parts(content: Content) -> Iterator[Part]:
    """The content in parts of at most MAX_PART bytes; its last part comes only when the hash was right."""
    digest = hashlib.sha256()
    offset = 0
    try:
        with open(content.path, "rb", buffering=0) as file:
            while True:
                data = file.read(MAX_PART)
                digest.update(data)
                end = offset + len(data)
                if end == content.size and (file.read(1) or digest.hexdigest() != content.sha):
                    raise _changed(content)
                if end > content.size or (not data and end < content.size):
                    raise _changed(content)
                yield {"m": "file", "sha": content.sha, "offset": offset, "total": content.size}, data
                offset = end
                if offset == content.size:
                    return
    except OSError as error:
        raise _changed(content, f" ({error.strerror})") from error


def _changed(content: Content, why: str = "") -> InputError:
    """The error to raise; a copy of ours that was damaged goes, so that the next snapshot makes a new one."""
    if content.path.name == content.sha:
        content.path.unlink(missing_ok=True)
    return InputError(
        f"{content.name} is no longer what was submitted: {content.path} was changed or removed{why}",
        "Submit again to send it as it is now.",
    )
