"""An image that was drawn, as a notebook shows it. Its bytes come from the user's code: they are shown as an image in
an <img> and as nothing else, so a script in an SVG never runs."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from pathlib import Path

FORMATS = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".pdf": "application/pdf",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
SHOWN = (".svg", ".png", ".jpg", ".jpeg")  # that a page can show, the best first


@dataclass(frozen=True)
class PlotImage:
    """`paths` are its files, the same plot in one format or more; `printed` the end of what the function printed."""

    name: str
    paths: tuple[Path, ...]
    printed: str = ""

    @property
    def path(self) -> Path:
        """The file that shows it best."""
        ranks = {ending: rank for rank, ending in enumerate(SHOWN)}
        return min(self.paths, key=lambda path: ranks.get(path.suffix.lower(), len(ranks)))

    def data_uri(self) -> str:
        """It as the `src` of an <img>; '' for a format that pages do not show."""
        if self.path.suffix.lower() not in SHOWN:
            return ""
        data = base64.b64encode(self.path.read_bytes()).decode("ascii")
        return f"data:{FORMATS[self.path.suffix.lower()]};base64,{data}"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """For notebooks: never as inline SVG."""
        source = self.data_uri()
        shown = {"text/html": f'<img alt="{html.escape(self.name)}" src="{source}">'} if source else {}
        pngs = [path for path in self.paths if path.suffix.lower() == ".png"]
        if pngs:
            shown["image/png"] = base64.b64encode(pngs[0].read_bytes()).decode("ascii")
        return {"text/plain": f"{self.name}: {', '.join(map(str, self.paths))}", **shown}
