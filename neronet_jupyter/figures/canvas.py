"""A scene as a bqplot figure: marks that are made once and then only given new points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from bqplot import Axis, Figure, LinearScale, Lines, LogScale, PanZoom
from ipywidgets import Layout

from neronet_jupyter.figures.axes import Scale, key
from neronet_jupyter.figures.scene import Scene

Window = tuple[float, float, float, float]  # x from, to, y from, to


class RunFigure(Figure):  # type: ignore[misc]
    """A bqplot figure that shows runs as they are: add marks to it as to any other. `live` is the widget around it,
    with its controls; a notebook shows that one."""

    live: Any = None

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if self.live is not None:
            return self.live._repr_mimebundle_(**options)
        return super()._repr_mimebundle_(**options)


class Canvas:
    """`figure` and what draws a scene into it. `zoomed` is called when a page moved or stretched the axes."""

    def __init__(self, height: int, zoomed: Callable[[Window], None]) -> None:
        self._zoomed, self._setting, self._force, self._whole = zoomed, False, False, False
        self._marks: dict[str, Lines] = {}
        self._log = (False, False)
        self._x, self._y = _scale(False), _scale(False)
        self._x_axis, self._y_axis = _axis(self._x, "bottom"), _axis(self._y, "left")
        self.figure = RunFigure(
            axes=[self._x_axis, self._y_axis],
            interaction=PanZoom(scales={"x": [self._x], "y": [self._y]}),
            animation_duration=0,
            padding_x=0.0,
            padding_y=0.0,
            layout=Layout(width="100%", height=f"{height}px", min_width="0"),
            fig_margin={"top": 8, "bottom": 34, "left": 44, "right": 12},
        )
        self._listen()

    def draw(self, scene: Scene, log: tuple[bool, bool], x_label: str, zoomed: bool) -> None:
        """Shows the scene; the axes stay as the page has them where the user `zoomed`."""
        self._setting = True
        try:
            if log != self._log:
                self._change_scales(log)
            top, right, bottom, left = scene.margin
            put(self.figure, fig_margin={"top": top, "right": right, "bottom": bottom, "left": left})
            if not zoomed:
                self._put_domain(self._x, scene.x)
                self._put_domain(self._y, scene.y)
                self._force = False
            for axis, scale in ((self._x_axis, scene.x), (self._y_axis, scene.y)):
                labels = {key(tick): label for tick, label in zip(scale.ticks, scale.labels, strict=True)}
                put(axis, tick_labels=labels, tick_values=np.array(scale.ticks or (scale.low,)))
            put(self._x_axis, label=x_label)
            self._draw_marks(scene)
            if self._whole:
                self._whole = False
                for widget in (
                    self._x,
                    self._y,
                    self._x_axis,
                    self._y_axis,
                    *self._marks.values(),
                    self.figure,
                ):
                    widget.send_state()
        finally:
            self._setting = False

    def force(self) -> None:
        """What is drawn next is sent even if it is what this kernel knows: a page may be ahead of it."""
        self._force = True

    def send_whole(self) -> None:
        """What is drawn next is sent with all that is drawn already: a page may have missed some of it."""
        self._whole = True

    def model_id(self, name: str) -> str:
        """The id of the mark that shows line0 ..., band0 ... (its median) or thin; "" when there is nothing to see."""
        mark = self._marks.get(name)
        return str(mark.model_id) if mark is not None and mark.visible else ""

    # -- inside

    def _draw_marks(self, scene: Scene) -> None:
        used = set()
        for i, of in enumerate(scene.bands):
            used |= {f"area{i}", f"band{i}"}
            fill = [colour(of.colour)] * 2
            self._put(f"area{i}", x=of.x, y=of.edges, fill_colors=fill)
            self._put(f"band{i}", x=of.x, y=of.middle, colors=[colour(of.colour)], labels=[of.label])
        if scene.thin is not None:
            used.add("thin")
            self._put("thin", x=scene.thin.x, y=scene.thin.y)
        for i, line in enumerate(scene.lines):
            used.add(f"line{i}")
            self._put(f"line{i}", x=line.x, y=line.y, colors=[colour(line.colour)], labels=[line.curve.label])
        for name in self._marks.keys() - used:
            self._hide(name)

    def _hide(self, name: str) -> None:
        # Never an empty array: bqplot cannot take an emptied line back.  One point fits any axis.
        x, y = np.ones(1, np.float32), np.ones((2, 1) if name.startswith("area") else 1, np.float32)
        put(self._marks[name], x=x, y=y, visible=False)

    def _put(self, name: str, **values: Any) -> None:
        if len(values["x"]) == 0:
            if name in self._marks:
                self._hide(name)
            return
        if name not in self._marks:
            self._marks[name] = self._make(name, values)
            ours = sorted(self._marks, key=_depth)
            others = [mark for mark in self.figure.marks if mark not in self._marks.values()]
            self.figure.marks = [*(self._marks[each] for each in ours), *others]
        put(self._marks[name], visible=True, **values)

    def _make(self, name: str, values: dict[str, Any]) -> Lines:
        look: dict[str, Any] = {"stroke_width": 1.5}
        if name.startswith("area"):
            look = {"fill": "between", "opacities": [0.0, 0.0], "fill_opacities": [0.2, 0.0]}
        elif name == "thin":
            look = {"stroke_width": 1.0, "opacities": [0.45], "colors": [colour("band")]}
        return Lines(
            scales={"x": self._x, "y": self._y},
            # The kernel sets the domains: computing them from the data is what freezes bqplot.
            preserve_domain={"x": True, "y": True},
            **{**look, **values},
        )

    def _put_domain(self, scale: Any, to: Scale) -> None:
        put(scale, min=to.low, max=to.high)
        if self._force:
            scale.send_state(["min", "max"])

    def _change_scales(self, log: tuple[bool, bool]) -> None:
        before = (self._x, self._y, self._x_axis, self._y_axis, self.figure.interaction)
        # New marks, too: an old one would for a moment be drawn with values that its new axes do not have.
        gone = [*self._marks.values()]
        self.figure.marks = [mark for mark in self.figure.marks if mark not in gone]
        self._marks = {}
        self._x, self._y, self._log = _scale(log[0]), _scale(log[1]), log
        self._x_axis, self._y_axis = _axis(self._x, "bottom"), _axis(self._y, "left")
        now = {before[0]: self._x, before[1]: self._y}
        for mark in self.figure.marks:  # also those that a user added
            mark.scales = {name: now.get(scale, scale) for name, scale in mark.scales.items()}
        others = [axis for axis in self.figure.axes if axis not in before]
        self.figure.axes = [self._x_axis, self._y_axis, *others]
        self.figure.interaction = PanZoom(scales={"x": [self._x], "y": [self._y]})
        self._listen()
        for old in (*gone, *before):
            old.close()

    def _listen(self) -> None:
        for scale in (self._x, self._y):
            scale.observe(self._moved, ["min", "max"])

    def _moved(self, _: object) -> None:
        found = (self._x.min, self._x.max, self._y.min, self._y.max)
        if not self._setting and None not in found:
            self._zoomed(found)


def put(widget: Any, **values: Any) -> None:
    """Sets what has changed, in one message."""
    changed = {name: value for name, value in values.items() if not _same(getattr(widget, name), value)}
    if changed:
        with widget.hold_sync():
            for name, value in changed.items():
                setattr(widget, name, value)


def _same(before: Any, now: Any) -> bool:
    if isinstance(now, np.ndarray):
        return (
            isinstance(before, np.ndarray)
            and before.dtype == now.dtype
            and np.array_equal(before, now, equal_nan=True)
        )
    return bool(before == now)


def colour(name: str) -> str:
    """A token as CSS: it follows the theme."""
    return f"var(--nn-{name})"


def _depth(name: str) -> tuple[int, str]:
    """Bands below, lines on top, the first line last."""
    order = ("area", "thin", "band", "line")
    place = next(i for i, start in enumerate(order) if name.startswith(start))
    return place, name if place < 3 else str(9 - int(name[4:]))


def _scale(log: bool) -> Any:
    return (
        LogScale(min=0.1, max=10.0, allow_padding=False)
        if log
        else LinearScale(min=0.0, max=1.0, allow_padding=False)
    )


def _axis(scale: Any, side: str) -> Any:
    bottom = side == "bottom"
    return Axis(
        scale=scale,
        side=side,
        grid_lines="none" if bottom else "solid",
        tick_values=np.array([1.0]),
        label_location="end",
        label_offset="26px",
        label_color=colour("muted"),
        color=colour("muted") if bottom else None,
        grid_color=colour("line"),
        tick_style={"fill": colour("muted")},
    )
