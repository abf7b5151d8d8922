"""The plots that a config.yaml defines, as buttons: whoever presses one sees the image below them.

Pages get an image as a data URI for an <img>, never as SVG of their own: what the user's code has made is shown and
does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from traitlets import Unicode

from neronet.api.runset import RunSet
from neronet.errors import InputError, NeronetError, NotTrusted
from neronet_jupyter.widget import View, slow

if TYPE_CHECKING:
    from neronet import Neroman

LARGEST = 8 * 1024**2  # characters of an image in a message to a page


class Plotting(View):
    """A part with plots of some runs: `plot_runs` says of which."""

    _asked_of: frozenset[str] = frozenset()  # folders whose trust a page was asked for

    def plot_runs(self, of: str) -> RunSet:
        """The runs that are drawn; `of` is what the page gave with its wish."""
        raise NotImplementedError

    @slow
    def act_draw(self, name: str, of: str = "") -> dict[str, Any]:
        """{"image": its data URI, "path", "printed"}, or {"untrusted": the folder that would have to be trusted}."""
        try:
            image = self.plot_runs(of).draw(name)
        except NotTrusted as error:
            self._asked_of |= {error.folder}
            return {"untrusted": error.folder}
        source = image.data_uri()
        if len(source) > LARGEST or not source:
            why = "is too large to be shown here" if source else "is no image that a page can show"
            raise NeronetError(f"{name} {why}", f"it was saved as {image.path}")
        return {"image": source, "path": str(image.path), "printed": image.printed}

    def act_trust(self, folder: str) -> None:
        """The user said yes to the question that `draw` led to."""
        if folder not in self._asked_of:
            raise InputError(f"nobody was asked about {folder}", "draw a plot first")
        self.neroman.trusted.add(folder)


def listed(names: Callable[[], list[str]]) -> list[str]:
    """The names of plots; none where a configuration cannot be read, which other parts tell."""
    try:
        return names()
    except NeronetError:
        return []


class Plots(Plotting):
    """Buttons for the plots that all of these runs have; nothing where there is none."""

    _view_name = Unicode("PlotsView").tag(sync=True)
    tick = 5.0  # a config.yaml may be edited

    def __init__(self, runs: RunSet, neroman: Neroman | None = None) -> None:
        self._runs = runs
        super().__init__(neroman)

    def plot_runs(self, _: str) -> RunSet:
        return self._runs

    def render(self) -> dict[str, Any]:
        return {"plots": listed(self._runs.plots)}
