"""What a page asks for when a user edits the tags of runs."""

from __future__ import annotations

from neronet.api.runset import RunSet
from neronet_jupyter.widget import View, slow

OFFERED = 100  # tags in use that are offered while one is typed


class Tagging(View):
    """A part in which the tags of some runs are edited."""

    def tagged_runs(self) -> RunSet:
        """The runs whose tags are edited. Raises InputError for none."""
        raise NotImplementedError

    @slow
    def act_tag(self, add: list[str], remove: list[str]) -> None:
        """Gives these runs tags, and takes others away, as `nerocli tag` does."""
        self.neroman.tag(self.tagged_runs(), add, remove)

    def act_tags(self) -> list[str]:
        """The tags in use, those of most runs first."""
        return self.neroman.store.runs.tags()[:OFFERED]
