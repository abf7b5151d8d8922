"""What the engine does of itself, beside what it is asked for: each looks now and then whether something is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from neronet.engine.following import Following
from neronet.engine.losers import LosersAcross
from neronet.engine.moving import Moving
from neronet.engine.notifying import Notifying
from neronet.engine.resultsfile import ResultsFile
from neronet.spec.nodes import NodeSpec
from neronet.store.store import Store


class Duties:
    """Belongs to the engine's thread; a look costs microseconds while nothing is due."""

    def __init__(self, store: Store, home: Path, held: Callable[[], bool]) -> None:
        self._moving, self._following, self._losers = Moving(store), Following(store), LosersAcross(store)
        self._notifying = Notifying(store, home, held)
        self._results = ResultsFile(home, store)
        self.busy = False  # somebody is to be told of something

    def look(self, nodes: Mapping[str, NodeSpec]) -> bool:
        """Does what is due; whether there are new wishes in the store."""
        wished = self._moving.look(nodes) | self._following.look() | self._losers.look()
        self._results.look()
        self.busy = self._notifying.look()
        return wished

    async def stop(self) -> None:
        """While there is a bell still: no message is sent from now on."""
        await self._notifying.close()

    def close(self) -> None:
        """After the last change: the results are up to date."""
        self._results.close()
