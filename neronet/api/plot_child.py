"""Draws one plot with the user's functions, in a process of its own: `python plot_child.py REQUEST REPLY`.

This file is run by its path, by whatever Python the user draws with: it imports nothing of Neronet but what is asked
for by name. Both files are JSON. The request:

    plot       the name of the plot, as config.yaml has it
    formats    endings of the images that a figure which was only returned is saved as
    runs       {"name", "folder", "module", "function", "arguments", "outputs", "metrics", "known"} of each run, in order;
               outputs: {"name", "path", "kind": "file" or "line", "call": [module, function, arguments...]};
               metrics: {name: path of its values, float64} of those that the arguments name; known: all names
    memory     bytes that it may take; file: bytes that one file may have
    neronet    the folder of the package

The reply is {"files": [names in the current folder]}, or {"problem", "hint"}.
"""

from __future__ import annotations

import array
import difflib
import importlib
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

IMAGES = (".svg", ".png", ".pdf", ".jpg", ".jpeg")
OURS = os.path.abspath(__file__)
LONGEST = 300  # characters of a message of the user's code


class Wrong(Exception):
    """Something that the user can mend: a sentence, and a hint."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint


class Place:
    """Where the user's code is looked for now, and what it does."""

    folder = ""
    doing = ""  # begins the sentence about an error
    memory = 0  # bytes that it may have
    modules: dict[str, ModuleType] = {}  # noqa: RUF012  those that were named by their file


def main(request_file: str, reply_file: str) -> None:
    with open(request_file, encoding="utf-8") as file:
        request = json.load(file)
    sys.path.pop(0)  # this file's own folder
    sys.argv = [request["plot"]]
    sys.dont_write_bytecode = True  # nothing appears in the user's folder
    Place.memory = request["memory"]
    limit(request["memory"], request["file"])
    know_neronet(request["neronet"])
    reply: Any
    try:
        reply = {"files": draw(request)}
    except Wrong as wrong:
        reply = {"problem": str(wrong), "hint": wrong.hint}
    except BaseException as error:  # also exit() and a KeyboardInterrupt of the user's code
        reply = told(error)
    with open(reply_file, "w", encoding="utf-8") as file:
        json.dump(reply, file)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)  # a thread of the user's code may go on for ever


def limit(memory: int, file: int) -> None:
    """Where the system can; elsewhere only the time is limited, by who started this."""
    try:
        import resource
    except ImportError:
        return
    os.nice(10)
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, file),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.setrlimit(what, (most, most))
        except (OSError, ValueError):  # a lower one holds already
            pass


def know_neronet(folder: str) -> None:
    """Makes `import neronet` mean that of who started this, and finds nothing else that lies beside it."""
    path = os.path.join(folder, "__init__.py")
    spec = importlib.util.spec_from_file_location("neronet", path, submodule_search_locations=[folder])
    assert spec is not None and spec.loader is not None
    sys.modules["neronet"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def draw(request: dict[str, Any]) -> list[str]:
    """Calls the plotting function for each run; the images that there are then."""
    runs, feedback = request["runs"], None
    for place, run in enumerate(runs):
        enter(run["folder"])
        os.environ["NERONET_RUN"] = run["name"]
        variables = variables_of(run)
        Place.doing = ""
        function = find(run["module"], run["function"])
        words = run["arguments"]
        given = [(word, variables[word]) if word in variables else word for word in words]
        if place == 0:
            tell_misspelt(words, {*variables, *run["known"]})
        save = None if len(runs) == 1 else place == len(runs) - 1
        try:
            feedback = function(request["plot"], feedback, save, *given)
        except Exception as error:
            reply = told(error)
            unknown = [word for word in words if word not in variables]
            if unknown and variables and not reply["hint"]:
                some = ", ".join(sorted(variables)[:12]) + (", ..." if len(variables) > 12 else "")
                reply["hint"] = (
                    f"the output has the variables {some}; {', '.join(unknown)} was given as a text"
                )
            raise Wrong(reply["problem"], reply["hint"]) from error
    return images(request["plot"], feedback, request["formats"])


def tell_misspelt(words: list[str], known: set[str]) -> None:
    """A variable that was misspelt is given as a text, of which matplotlib may make anything."""
    for word in words:
        if word not in known and (near := difflib.get_close_matches(word, known, 1, 0.8)):
            print(f"{word} is no variable of the output and was given as a text; did you mean {near[0]}?")


def enter(folder: str) -> None:
    """Modules are looked for in `folder` first; another folder's module of the same name is another module."""
    if folder == Place.folder:
        return
    if Place.folder:
        sys.path.remove(Place.folder)
        inside = Place.folder + os.sep
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(inside):
                del sys.modules[name]
        Place.modules.clear()
    Place.folder = folder
    sys.path.insert(0, folder)
    importlib.invalidate_caches()


def find(module: str, function: str) -> Callable[..., Any]:
    """The function of a module in the folder, or of one that is installed. A module may be named by its file."""
    path = os.path.join(Place.folder, module)
    if module in Place.modules:
        found = Place.modules[module]
    elif os.path.isfile(path):
        stem = os.path.basename(module).partition(".")[0]
        spec = importlib.util.spec_from_file_location(stem, path)
        if spec is None or spec.loader is None:
            raise Wrong(f"{module} is no Python module", "its name must end in .py")
        found = importlib.util.module_from_spec(spec)
        sys.modules[stem] = Place.modules[module] = found
        spec.loader.exec_module(found)
    else:
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is not None and (module == error.name or module.startswith(error.name + ".")):
                raise Wrong(f"there is no module {module} in {Place.folder}, and none installed") from error
            raise
    result = getattr(found, function, None)
    if not callable(result):
        near = difflib.get_close_matches(function, [name for name in dir(found) if name[0] != "_"], 1)
        raise Wrong(f"{module} has no function {function}", f"did you mean {near[0]}?" if near else "")
    return result  # type: ignore[no-any-return]


# -- what a run has put out


def variables_of(run: dict[str, Any]) -> dict[str, Any]:
    """The variables of its outputs, and the metrics that Neronet has read from it."""
    variables: dict[str, Any] = {}
    for output in run["outputs"]:
        Place.doing = f"{output['name']} of {run['name']}: "
        for name, values in read(output).items():
            variables.setdefault(str(name), values)
    for name, path in run["metrics"].items():
        if name not in variables:
            numbers = array.array("d")
            with open(path, "rb") as file:
                numbers.frombytes(file.read())
            variables[name] = list(numbers)
    return variables


def read(output: dict[str, Any]) -> dict[Any, Any]:
    """What the processor of an output file makes of it."""
    module, name, *arguments = output["call"]
    if module == "neronet":
        return built_in(output["path"], [name, *arguments])
    function = find(module, name)
    with open(output["path"], encoding="utf-8", errors="replace") as file:
        if output["kind"] == "file":
            return a_dict(function(file, *arguments), name)
        return by_line(file, function, arguments, name)


def by_line(
    file: Iterator[str], function: Callable[..., Any], arguments: list[str], name: str
) -> dict[Any, list[Any]]:
    """The values of all lines, in lists; a line of which the function makes nothing adds nothing."""
    found: dict[Any, list[Any]] = {}
    before = Place.doing
    for number, line in enumerate(file, 1):
        line = line.rstrip("\n")
        Place.doing = f"{before}line {number}, {line[:60]!r}: "
        made = function(line, *arguments)
        if made is not None:
            for key, value in a_dict(made, name).items():
                found.setdefault(key, []).append(value)
    Place.doing = before
    return found


def a_dict(made: object, name: str) -> dict[Any, Any]:
    if not isinstance(made, dict):
        raise Wrong(f"{Place.doing}{name} returned {type(made).__name__}, not a dict")
    return made


def built_in(path: str, arguments: list[str]) -> dict[str, list[float]]:
    """What one of Neronet's own readers finds; `step` has the steps of the lines that have one."""
    make = importlib.import_module("neronet.wire.readers").make
    try:
        reader = make(arguments)
    except ValueError as error:
        raise Wrong(f"{Place.doing}{error}") from error
    found: dict[str, list[float]] = {}

    def take(points: list[tuple[str, float, float | None]]) -> None:
        for name, value, _ in points:
            found.setdefault(name, []).append(value)
        if points and points[0][2] is not None:
            found.setdefault("step", []).append(points[0][2])

    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            take(reader.feed(line.rstrip("\n").encode("utf-8", "surrogateescape")))
    take(reader.finish())
    return found


# -- what was drawn


def images(plot: str, feedback: object, formats: list[str]) -> list[str]:
    """The files that the function has saved under the plot's name; else the figure that it has returned or left,
    saved in these formats."""
    stem, ending = os.path.splitext(plot)
    known = [*([plot] if ending.lower() in IMAGES else ()), *(plot + each for each in IMAGES)]
    if saved := [name for name in known if os.path.isfile(name)]:
        return saved
    figure = figure_of(feedback)
    pyplot = sys.modules.get("matplotlib.pyplot")
    if figure is None and pyplot is not None and pyplot.get_fignums():
        figure = pyplot.gcf()
    if figure is None:
        raise Wrong(
            "the function has drawn nothing",
            "let it return a figure or axes of matplotlib, or save a file under the name of the plot",
        )
    base = stem if ending.lower() in IMAGES else plot
    for each in formats:
        figure.savefig(base + each)
    return [base + each for each in formats]


def figure_of(value: Any) -> Any:
    """The figure that was returned: itself, of axes, or of the first of several things that has one."""
    if hasattr(value, "savefig"):
        return value
    if hasattr(value, "get_figure"):
        return value.get_figure()
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)) or hasattr(value, "flat"):
        for each in getattr(value, "flat", value):
            if hasattr(each, "savefig") or hasattr(each, "get_figure"):
                return figure_of(each)
    return None


# -- errors


def told(error: BaseException) -> dict[str, str]:
    """An error of the user's code in one sentence: `plots.py line 12, in my_plot: KeyError: 'x'`."""
    kind, text = type(error).__name__, " ".join(str(error).split())[:LONGEST]
    hint = ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{shown(error.filename)} line {error.lineno}: "
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != OURS]
        theirs = [frame for frame in frames if frame.filename.startswith(Place.folder + os.sep)]
        where = ""
        if last := (theirs or frames)[-1:]:
            inside = "" if last[0].name == "<module>" else f", in {last[0].name}"
            where = f"{shown(last[0].filename)} line {last[0].lineno}{inside}: "
            hint = last[0].line or ""
    if isinstance(error, ModuleNotFoundError):
        hint = f"it is missing for {sys.executable}; plot_python in preferences.yaml names another Python to draw with"
    elif isinstance(error, MemoryError):
        hint = f"it may take {Place.memory / (1 << 30):g} GiB"
    said = f"{kind}: {text}" if text else kind
    return {"problem": f"{Place.doing}{where}{said}", "hint": hint}


def shown(path: str) -> str:
    inside = Place.folder + os.sep
    return path[len(inside) :] if path.startswith(inside) else path


if __name__ == "__main__":
    main(*sys.argv[1:])
