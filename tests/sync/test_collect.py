"""What of a folder a run gets: all of it, or exactly what is named; never anything from elsewhere."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from neronet.errors import InputError
from neronet.spec.experiment import Experiment
from neronet.sync.collect import Found, collect
from neronet.sync.manifest import MAX_DEPTH

Make = Callable[..., Experiment]


def put(folder: Path, *paths: str) -> None:
    for path in paths:
        place = folder / path
        if path.endswith("/"):
            place.mkdir(parents=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(os.fsencode(path))


def found(experiment: Experiment, home: Path) -> dict[str, Found]:
    return {each.path: each for each in collect(experiment.folder, experiment, home).found}


def notes(experiment: Experiment, home: Path) -> str:
    return "\n".join(collect(experiment.folder, experiment, home).notes)


def test_the_whole_folder_is_taken(folder: Path, home: Path, experiment: Make) -> None:
    put(folder, "data/1.txt", "data/deep/2.txt", ".hidden", "config.yaml")
    assert list(found(experiment(), home)) == [
        ".hidden",
        "config.yaml",
        "data/1.txt",
        "data/deep/2.txt",
        "main.py",
    ]
    assert notes(experiment(), home) == ""


def test_what_programs_make_anew_is_never_taken(folder: Path, home: Path, experiment: Make) -> None:
    put(
        folder, ".git/HEAD", "sub/.git", "__pycache__/a.pyc", "sub/__pycache__/b.pyc",
        ".ipynb_checkpoints/x.ipynb",
        "js/node_modules/m/index.js", ".venv/pyvenv.cfg", ".venv/bin/python", "envs/old/pyvenv.cfg",
        "sub/a.py", "venv/mine.py",
    )  # fmt: skip
    (folder / ".neroignore").write_text("!.git\n!__pycache__\n!.venv\n")
    assert list(found(experiment(), home)) == [".neroignore", "js", "main.py", "sub/a.py", "venv/mine.py"]


def test_old_results_are_left_out_and_it_says_so(folder: Path, home: Path, experiment: Make) -> None:
    put(folder, "results/exp/x=1/stdout.log", "results/table.csv", "data/results/kept.csv")
    taken = found(experiment(), home)
    assert list(taken) == ["data/results/kept.csv", "main.py", "results"]
    assert taken["results"].kind == "d", "a program that writes into it finds it"
    assert "!/results/* in .neroignore" in notes(experiment(), home)
    (folder / ".neroignore").write_text("!/results/*\n")
    assert "results/table.csv" in found(experiment(), home)
    assert notes(experiment(), home) == ""


def test_results_that_the_user_ignores_need_no_note(folder: Path, home: Path, experiment: Make) -> None:
    put(folder, "results/table.csv")
    (folder / ".gitignore").write_text("results/\n")
    assert list(found(experiment(), home)) == [".gitignore", "main.py"]
    assert notes(experiment(), home) == ""


def test_the_home_of_neronet_is_left_out(folder: Path, experiment: Make) -> None:
    put(folder, ".neronet/files/x", "sub/home.txt")
    (folder / "old").symlink_to(folder / ".neronet" / "files")
    assert list(found(experiment(), folder / ".neronet")) == ["main.py", "sub/home.txt"]
    assert "old is left out: a link into" in notes(experiment(), folder / ".neronet")


def test_empty_folders_stay(folder: Path, home: Path, experiment: Make) -> None:
    put(folder, "out/", "logs/tensorboard/", "models/old.bin")
    (folder / ".gitignore").write_text("*.bin\n")
    folders = [path for path, each in found(experiment(), home).items() if each.kind == "d"]
    assert folders == ["logs/tensorboard", "models", "out"]


@pytest.mark.parametrize(
    "name",
    [
        "a\nb",
        "tab\there",
        "émile",
        "e\u0301",
        "日本",
        "\udcff\udcfe",
        "a b ",
        "-rf",
        "back\\slash",
        "*",
        "'\"$(x)",
    ],
)
def test_any_name_is_taken_as_it_is(folder: Path, home: Path, experiment: Make, name: str) -> None:
    put(folder, name, f"{name}d/{name}")
    assert set(found(experiment(), home)) == {"main.py", name, f"{name}d/{name}"}


def test_what_is_no_file_is_left_out_and_listed(folder: Path, home: Path, experiment: Make) -> None:
    os.mkfifo(folder / "pipe")
    here = os.getcwd()
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(folder)  # names of sockets must be short
        try:
            server.bind("sock")
        finally:
            os.chdir(here)
        assert list(found(experiment(), home)) == ["main.py"]
        assert set(notes(experiment(), home).split("\n")) == {
            "pipe is left out: a named pipe",
            "sock is left out: a socket",
        }


def test_a_device_is_left_out(home: Path) -> None:
    experiment = Experiment("exp", Path("/dev"), "/bin/true", required_files=("null",))
    assert collect(Path("/dev"), experiment, home).notes == ("null is left out: a device",)


def test_links_inside_are_kept_as_links(folder: Path, home: Path, experiment: Make) -> None:
    put(folder, "data/v1/x.txt", "sub/")
    (folder / "data" / "current").symlink_to("v1")
    (folder / "sub" / "up").symlink_to("../data/v1/x.txt")
    (folder / "absolute").symlink_to(folder / "data")
    (folder / "self").symlink_to(".")
    (folder / "loop").symlink_to("loop")
    taken = found(experiment(), home)
    targets = {path: each.target for path, each in taken.items() if each.kind == "l"}
    assert targets == {
        "data/current": "v1", "sub/up": "../data/v1/x.txt", "absolute": "data", "self": ".", "loop": "loop",
    }  # fmt: skip
    assert "data/current/x.txt" not in taken


def test_an_absolute_link_through_another_name_of_the_folder_is_inside(tmp_path: Path, home: Path) -> None:
    real = tmp_path / "real"
    put(real, "main.py", "data/x")
    (tmp_path / "alias").symlink_to(real)
    (real / "a").symlink_to(tmp_path / "alias" / "data")
    (real / "b").symlink_to(real / "data")
    for top in (real, tmp_path / "alias"):
        taken = found(Experiment("exp", top, "main.py"), home)
        assert [taken[name].target for name in "ab"] == ["data", "data"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret", "sub/../../secret", "hop/secret", "..", "/"])
def test_a_link_that_leaves_the_folder_is_an_error(
    folder: Path, home: Path, experiment: Make, target: str
) -> None:
    put(folder.parent, "secret")
    put(folder, "sub/x")
    (folder / "data").symlink_to(target)
    if target.startswith("hop"):
        (folder / "hop").symlink_to("..")
    with pytest.raises(InputError, match="data") as error:
        collect(folder, experiment(), home)
    assert "not followed" in str(error.value)
    assert ".neroignore" in error.value.hint


def test_all_links_that_leave_are_named_at_once(folder: Path, home: Path, experiment: Make) -> None:
    for number in range(7):
        (folder / f"link{number}").symlink_to("/etc")
    with pytest.raises(InputError, match=r"link0, link1, link2, link3, link4, \.\.\."):
        collect(folder, experiment(), home)


def test_a_link_that_leaves_may_be_ignored(folder: Path, home: Path, experiment: Make) -> None:
    (folder / "link").symlink_to("/etc")
    (folder / ".neroignore").write_text("link\n")
    assert list(found(experiment(), home)) == [".neroignore", "main.py"]


def test_a_link_to_something_that_is_not_sent_is_noted(folder: Path, home: Path, experiment: Make) -> None:
    put(folder, "big/x.bin")
    (folder / "data").symlink_to("big")
    (folder / "fine").symlink_to("main.py")
    (folder / ".gitignore").write_text("/big/\n")
    assert notes(experiment(), home) == "data leads nowhere: its target big is not sent"


def test_a_named_file_is_taken_although_it_is_ignored(folder: Path, home: Path, experiment: Make) -> None:
    put(folder, "build/main", "build/other", "parse.py")
    (folder / ".gitignore").write_text("build/*\nparse.py\n")
    named = experiment(main_code_file="build/main", output_line_processor={"stdout": ("parse", "line")})
    assert list(found(named, home)) == [".gitignore", "build/main", "main.py", "parse.py"]


def test_a_missing_main_code_file_is_an_error(folder: Path, home: Path, experiment: Make) -> None:
    with pytest.raises(InputError, match=r"gone\.py does not exist"):
        collect(folder, experiment(main_code_file="gone.py"), home)


def test_an_absolute_main_code_file_is_the_nodes(folder: Path, home: Path, experiment: Make) -> None:
    assert list(found(experiment(main_code_file="/bin/true", required_files=()), home)) == []


def test_a_program_that_is_a_module_is_found(folder: Path, home: Path, experiment: Make) -> None:
    put(folder, "pkg/__init__.py", "pkg/train.py", "pkg/other.py", "tool/__main__.py")
    named = experiment(run_command_prefix=("python3", "-m"), main_code_file="pkg.train", required_files=())
    assert list(found(named, home)) == ["pkg/__init__.py", "pkg/train.py"]
    named = experiment(run_command_prefix=("python3", "-m"), main_code_file="tool", required_files=())
    assert list(found(named, home)) == ["tool/__main__.py"]


def test_with_required_files_exactly_these_are_taken(folder: Path, home: Path, experiment: Make) -> None:
    put(
        folder, "data/1.csv", "data/2.csv", "data/2.txt", "data/.hidden.csv", "lib/a.py", "lib/deep/b.py",
        "lib/__pycache__/c",
        "lib/empty/", "other.py", "a[1].txt", "src/x/y/z.c", "src/x/y/.git/z.c", "results/model.bin",
        "lines.py", "figures.py",
    )  # fmt: skip
    (folder / ".gitignore").write_text("*\n")
    chosen = experiment(
        required_files=("data/*.csv", "lib/", "a[1].txt", "src/**/*.c", "results/model.bin"),
        output_line_processor={"stdout": ("lines", "read"), "other": ("numpy", "load")},
        output_file_processor={"x": ("not a module", "f")},
        plot={"curve": ("figures.py", "draw"), "none": ()},
    )
    assert list(found(chosen, home)) == [
        "a[1].txt", "data/1.csv", "data/2.csv", "figures.py", "lib/a.py", "lib/deep/b.py", "lib/empty",
        "lines.py", "main.py",
        "results/model.bin", "src/x/y/z.c",
    ]  # fmt: skip


def test_a_required_link_brings_what_it_points_to(folder: Path, home: Path, experiment: Make) -> None:
    put(folder, "data/v1/x.txt", "data/v2/x.txt", "data/v1/sub/y.txt")
    (folder / "data" / "current").symlink_to("v1")
    (folder / "alias").symlink_to("data/current")
    (folder / "ring1").symlink_to("ring2")
    (folder / "ring2").symlink_to("ring1")
    assert list(found(experiment(required_files=("alias",)), home)) == [
        "alias", "data/current", "data/v1/sub/y.txt", "data/v1/x.txt", "main.py",
    ]  # fmt: skip
    assert list(found(experiment(required_files=("alias/sub/y.txt", "ring1")), home)) == [
        "alias", "data/current", "data/v1/sub/y.txt", "main.py", "ring1", "ring2",
    ]  # fmt: skip


def test_a_required_link_that_leaves_is_an_error(folder: Path, home: Path, experiment: Make) -> None:
    put(folder.parent, "elsewhere/key")
    (folder / "way").symlink_to("../elsewhere")
    for wanted in ("way", "way/key", "way/*", "**/way"):
        with pytest.raises(InputError, match="way"):
            collect(folder, experiment(required_files=(wanted,)), home)


def test_a_required_link_to_nothing_is_noted(folder: Path, home: Path, experiment: Make) -> None:
    (folder / "later").symlink_to("not-there-yet")
    assert "later leads nowhere" in notes(experiment(required_files=("later",)), home)


@pytest.mark.parametrize(
    "wanted", ["gone.txt", "data/*.csv", "/etc/passwd.d/*", "../*.nothing", "**/nothing"]
)
def test_required_files_that_match_nothing_are_an_error(
    folder: Path, home: Path, experiment: Make, wanted: str
) -> None:
    with pytest.raises(InputError, match="matches nothing"):
        collect(folder, experiment(required_files=(wanted,)), home)


@pytest.mark.parametrize("name", ["a\0b", "a\0*", "x" * 300, "main.py/x", "main.py/*"])
def test_a_name_that_no_file_can_have_is_an_error(
    folder: Path, home: Path, experiment: Make, name: str
) -> None:
    with pytest.raises(InputError, match="matches nothing"):
        collect(folder, experiment(required_files=(name,)), home)
    with pytest.raises(InputError, match="does not exist"):
        collect(folder, experiment(main_code_file=name), home)
    collect(folder, experiment(plot={"p": (name, "draw")}), home)


def test_a_glob_does_not_go_round_in_circles(folder: Path, home: Path, experiment: Make) -> None:
    put(folder, "sub/x.txt", "sub/.hidden/y.txt", "sub/.git/z.txt")
    for number in range(20):
        (folder / "sub" / f"loop{number}").symlink_to(".")
    assert list(found(experiment(required_files=("**/*.txt",)), home)) == ["main.py", "sub/x.txt"]
    hidden = experiment(required_files=("s*/**/.hidden/",))
    assert list(found(hidden, home)) == ["main.py", "sub/.hidden/y.txt"]


@pytest.mark.parametrize("wanted", ["../secret", "/etc/hostname", "sub/../../secret", "../*", "..", "/"])
def test_required_files_outside_are_an_error(folder: Path, home: Path, experiment: Make, wanted: str) -> None:
    put(folder.parent, "secret")
    put(folder, "sub/x")
    with pytest.raises(InputError, match="lies outside"):
        collect(folder, experiment(required_files=(wanted,)), home)


def test_the_whole_folder_may_be_required(folder: Path, home: Path, experiment: Make) -> None:
    put(folder, "x.txt", ".git/HEAD")
    (folder / ".gitignore").write_text("x.txt\n")
    assert list(found(experiment(required_files=(".",)), home)) == [".gitignore", "main.py", "x.txt"]


def test_a_folder_that_is_nested_too_deeply_is_an_error(folder: Path, home: Path, experiment: Make) -> None:
    put(folder, "d/" * (MAX_DEPTH - 1) + "x")
    assert len(found(experiment(), home)) == 2
    put(folder, "d/" * MAX_DEPTH + "x")
    with pytest.raises(InputError, match="nested more than"):
        collect(folder, experiment(), home)


def test_too_many_files_are_an_error(
    folder: Path, home: Path, experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, *(f"f{number}" for number in range(12)))
    monkeypatch.setattr("neronet.sync.collect.MAX_ENTRIES", 12)
    for wanted in (None, ("**",)):
        with pytest.raises(InputError, match="more than 12 files"):
            collect(folder, experiment(required_files=wanted), home)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, home: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        collect(tmp_path / "gone", Experiment("exp", tmp_path / "gone", "/bin/true"), home)


@pytest.mark.parametrize("closed", ["sub", ".gitignore"])
def test_what_cannot_be_read_is_an_error(without_privileges: Path, home: Path, closed: str) -> None:
    put(without_privileges, "main.py", "sub/x", ".gitignore")
    (without_privileges / closed).chmod(0)
    try:
        with pytest.raises(InputError, match=f"cannot read .*{closed}.*Permission denied") as error:
            collect(without_privileges, Experiment("exp", without_privileges, "main.py"), home)
        assert ".neroignore" in error.value.hint
    finally:
        (without_privileges / closed).chmod(0o700)
