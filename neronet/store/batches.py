"""Batches: the runs of one submission to one node, as they were sent."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from neronet.store.db import Database, listed, to_json

# The part of a batch's content that stays on this side: {"folder", "runs_size"}, "offered": True, and what `add_batch`
# of engine/submission.py names.
LOCAL = "local"
GIT = "git"  # in that part: the commit of the folder when it was submitted, see sync/git.py

BatchState = Literal["sending", "accepted", "final", "tidied"]


class Batch(NamedTuple):
    token: str
    node: str
    place: str
    experiment: str
    manifest: str  # sha256
    first: int  # number of the first attempt that its runs get
    state: BatchState
    since: float  # seconds since 1970: when it got into this state


def ranges(indices: Iterable[int]) -> list[list[int]]:
    """[[first, last], ...] that cover exactly these numbers: how runs of a batch are named."""
    found: list[list[int]] = []
    for index in sorted(indices):
        if found and found[-1][1] == index - 1:
            found[-1][1] = index
        else:
            found.append([index, index])
    return found


class BatchStore:
    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, batch: Batch, content: dict[str, Any]) -> None:
        """`content` is the batch as it is sent to the node."""
        with self._db.transaction() as sql:
            sql.execute("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*batch, to_json(content)))

    def get(self, token: str) -> Batch | None:
        row = self._db.row(f"{_BATCHES} WHERE token = ?", (token,))
        return None if row is None else Batch._make(row)

    def latest(self, experiment: str, most: int) -> list[Batch]:
        """The newest ones of an experiment, the newest first."""
        rows = self._db.rows(
            f"{_BATCHES} WHERE experiment = ? ORDER BY rowid DESC LIMIT ?", (experiment, most)
        )
        return [Batch._make(row) for row in rows]

    def content(self, token: str) -> dict[str, Any]:
        """The batch as it is sent; KeyError when there is none."""
        row = self._db.row("SELECT content FROM batches WHERE token = ?", (token,))
        if row is None:
            raise KeyError(token)
        content: dict[str, Any] = json.loads(row[0])
        return content

    def git(self, tokens: Iterable[str]) -> dict[str, dict[str, Any]]:
        """What is known of the git commit of these batches' folders, where something is."""
        rows = self._db.rows(_GIT, (listed(tokens),))
        found = {
            token: json.loads(text)[LOCAL].get(GIT) if whole else json.loads(text)
            for token, text, whole in rows
        }
        return {token: commit for token, commit in found.items() if commit}

    def offer(self, token: str) -> bool:
        """Notes that a batch is about to be sent to its node, for good: from now on the node may have it. False
        when it is not to be sent any more."""
        with self._db.transaction(durable=True) as sql:
            batch = self.get(token)
            if batch is None or batch.state != "sending":
                return False
            content = self.content(token)
            if not content[LOCAL].get("offered"):
                content[LOCAL]["offered"] = True
                sql.execute("UPDATE batches SET content = ? WHERE token = ?", (to_json(content), token))
        return True

    def unsent(self, token: str) -> bool:
        """Whether the node of a batch cannot have heard of it yet."""
        batch = self.get(token)
        return (
            batch is not None and batch.state == "sending" and not self.content(token)[LOCAL].get("offered")
        )

    def find(self, node: str | None = None, states: Iterable[BatchState] | None = None) -> list[Batch]:
        """Those of a node, in these states (all without them), the oldest first."""
        of_node = "(? IS NULL OR node = ?)"
        in_state = "(? IS NULL OR state IN (SELECT value FROM json_each(?)))"
        wanted = None if states is None else listed(states)
        values = (node, node, wanted, wanted)
        rows = self._db.rows(f"{_BATCHES} WHERE {of_node} AND {in_state} ORDER BY rowid", values)
        return [Batch._make(row) for row in rows]

    def set_state(self, token: str, state: BatchState, since: float) -> None:
        with self._db.transaction() as sql:
            sql.execute("UPDATE batches SET state = ?, since = ? WHERE token = ?", (state, since, token))


# An infinite limit of a condition is JSON for Python, not for SQLite, which would fail for all batches: such a one is
# taken as a whole.
_GIT = """
SELECT token, CASE WHEN json_valid(content) THEN json_extract(content, '$.local.git') ELSE content END AS text,
       NOT json_valid(content)
FROM batches WHERE token IN (SELECT value FROM json_each(?)) AND text IS NOT NULL
"""
_BATCHES = "SELECT token, node, place, experiment, manifest, first, state, since FROM batches"
