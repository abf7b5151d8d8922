"""nodes.yaml: what a node may say, and changes that leave everything else as it was."""

from __future__ import annotations

import threading
from pathlib import Path

import filelock
import pytest

from neronet.errors import ConfigError, InputError, StoreError
from neronet.spec.files import FIRST_NODES
from neronet.spec.nodes import (
    Nodes,
    NodeSpec,
    SshOptions,
    add_node,
    load_nodes,
    parse_nodes,
    remove_node,
    split_address,
)
from neronet.spec.preferences import write_first_files
from neronet.spec.problems import Unfit

GUIDE = """\
nodes:
  triton:
    ssh_address: triton.aalto.fi
    hard_disk_space: 1000GB
  gpu1:
    ssh_address: gpu1
  gpu2:
    ssh_address: gpu2
groups:
  gpu: [gpu1, gpu2]
default_node: triton
"""

COMMENTED = """\
# my machines
nodes:   # all of them
  gpu1:
    ssh_address: gpu1   # the old one
    setup: |
      module load x

      module load y

  # the good one, ask Anna

  gpu2:
    ssh_address: gpu2
    setup:
      - module load x   # as they say
  # the end

groups:
  gpu: [gpu1, gpu2]   # both
  old:
    - gpu1   # alone
  mixed:
    # first the old
    - gpu1
    # then the new
    - gpu2
default_node: gpu1
# last words"""


def parse(text: str) -> Nodes:
    return parse_nodes(text.encode(), "nodes.yaml")


def problems(text: str) -> list[str]:
    return [str(problem) for problem in parse(text).problems]


def node(text: str) -> NodeSpec:
    nodes = parse(f"nodes:\n  n:\n    ssh_address: host\n    {text}\n")
    nodes.check()
    assert nodes.problems == ()
    return nodes.nodes[0]


def test_the_guides_example() -> None:
    nodes = parse(GUIDE)
    assert nodes.problems == ()
    assert [(each.id, each.ssh_address, each.type) for each in nodes.nodes] == [
        ("triton", "triton.aalto.fi", "direct"),
        ("gpu1", "gpu1", "direct"),
        ("gpu2", "gpu2", "direct"),
        ("local", "", "local"),
    ]
    assert (nodes.groups, nodes.default_node) == ({"gpu": ("gpu1", "gpu2")}, "triton")
    assert [each.id for each in nodes.members("gpu")] == ["gpu1", "gpu2"]
    assert [each.id for each in nodes.members("triton")] == ["triton"]
    assert nodes.members("gpu9") == ()


def test_a_node_called_local_always_exists(tmp_path: Path) -> None:
    here = NodeSpec("local", type="local")
    for nodes in (
        parse(""),
        parse("nodes:\n"),
        load_nodes(tmp_path / "missing.yaml"),
        load_nodes(tmp_path),
        parse("["),
    ):
        assert nodes.nodes == (here,)
    assert load_nodes(tmp_path / "missing.yaml").problems == ()
    assert len(load_nodes(tmp_path).problems) == 1
    assert parse("nodes:\n  local:\n").nodes == (here,)
    assert parse("nodes: {local: {slots: 3}}").nodes == (NodeSpec("local", type="local", slots=3),)
    assert parse("nodes: {local: {ssh_address: x}}").nodes == (NodeSpec("local", "x"),)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("type: unmanaged", "type", "direct"),
        ("type: slurm", "type", "slurm"),
        ("slots: 4", "slots", 4),
        ("slots: None", "slots", None),
        ("gpus: 0", "gpus", 0),
        ("memory: 64 GiB", "memory", 64 * 2**30),
        ("root: ~/scratch", "root", "~/scratch"),
        ("python: python3.9", "python", "python3.9"),
        ("transport: openssh", "transport", "openssh"),
        ("ssh_options: {port: 22, user: me}", "ssh_options", SshOptions(port=22, user="me")),
        ("ssh_options: {identity_file: a, known_hosts: b}", "ssh_options", SshOptions("a", "b")),
        ("setup: [module load a, b]", "setup", ("module load a", "b")),
        ("env: {A: 010}", "env", {"A": "010"}),
        ("sbatch_args: -p 'a b'", "sbatch_args", ("-p", "a b")),
    ],
)
def test_a_field_of_a_node_is_read(text: str, field: str, value: object) -> None:
    assert getattr(node(text), field) == value


def test_fields_of_the_users_own_are_allowed_but_slips_get_a_warning() -> None:
    assert problems("nodes: {a: {ssh_address: x, hard_disk_space: 1000GB, owner: [me]}}") == []
    assert problems("nodes: {a: {ssh_address: x, slot: 2}}\nnode: x\nmine: 1") == [
        "nodes.yaml:1:29: 'slot' means nothing to Neronet (did you mean slots?)",
        "nodes.yaml:2:1: 'node' means nothing here (did you mean nodes?)",
        "nodes.yaml:3:1: 'mine' means nothing here",
    ]
    parse("nodes: {a: {ssh_address: x, slot: 2}}").check()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]", "1:1: the file is not a block of KEY: VALUE lines"),
        ("nodes: [a]", "1:8: nodes takes a block"),
        ("nodes: {a: }", "1:9: nothing is said of the node 'a'"),
        ("nodes: {a: host}", "1:9: nothing is said of the node 'a'"),
        ("nodes: {a: {slots: 1}}", "1:9: the node 'a' has no ssh_address"),
        ("nodes: {a: {type: slurm}}", "1:9: the node 'a' has no ssh_address"),
        ("nodes: {a b: {ssh_address: x}}", "1:9: 'a b' cannot be an id"),
        ("nodes: {ä: {ssh_address: x}}", "1:9: 'ä' cannot be the id of a node"),
        ("nodes: {12: {ssh_address: x}}", "1:9: '12' cannot be an id"),
        ("nodes: {a: {ssh_address: -oProxyCommand=x}}", "1:26: '-oProxyCommand=x' is not an address"),
        ("nodes: {a: {ssh_address: x, type: oar}}", "1:35: 'oar' is unknown here"),
        ("nodes: {a: {ssh_address: x, slots: many}}", "1:36: 'many' is not a whole number"),
        ("nodes: {a: {ssh_address: x, root: here}}", "1:35: 'here' is not a path from the root or the home"),
        ("nodes: {a: {ssh_address: x, ssh_options: y}}", "1:42: ssh_options take a block"),
        ("nodes: {a: {ssh_address: x, ssh_options: {proxy: y}}}", "1:43: ssh_options have no 'proxy'"),
        (
            "nodes: {a: {ssh_address: x, ssh_options: {port: 0}}}",
            "1:49: '0' is not a whole number from 1 to 65535",
        ),
        ("nodes: {a: {ssh_address: x}}\ngroups: {g: [a, b]}", "2:13: 'b' in this group is no node"),
        ("nodes: {a: {ssh_address: x}}\ngroups: {a: [a]}", "2:10: 'a' is a node and a group"),
        ("groups: {g: {a: b}}", "1:13: one value belongs here"),
        ("default_node: x", "1:15: default_node: there is no node or group 'x'"),
        ("a: 1\na: 2", "2:1: 'a' stands here and in line 1"),
    ],
)
def test_a_mistake_has_its_place(text: str, expected: str) -> None:
    with pytest.raises(ConfigError):
        parse(text).check()
    assert any(problem.startswith(f"nodes.yaml:{expected}") for problem in problems(text)), problems(text)


def test_a_broken_node_is_left_out_and_told_once() -> None:
    text = (
        "nodes: {a: {ssh_address: x, slots: many}, b: {ssh_address: y}}\ngroups: {g: [a, b]}\ndefault_node: a"
    )
    assert len(problems(text)) == 1
    assert [each.id for each in parse(text).nodes] == ["b", "local"]
    assert [each.id for each in parse(text).members("g")] == ["b"]


def test_a_file_full_of_mistakes_gives_up() -> None:
    found = problems("nodes:\n" + "".join(f"  n{n}: {{slots: x}}\n" for n in range(300)))
    assert len(found) == 101


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("gpu1", (None, "gpu1", None)),
        ("me@gpu1.example.org", ("me", "gpu1.example.org", None)),
        ("gpu1:2222", (None, "gpu1", 2222)),
        ("me@gpu1:2222", ("me", "gpu1", 2222)),
        ("me@dom@gpu1", ("me@dom", "gpu1", None)),
        ("::1", (None, "::1", None)),
        ("[::1]", (None, "::1", None)),
        ("me@[fe80::1%eth0]:22", ("me", "fe80::1%eth0", 22)),
    ],
)
def test_an_address_has_up_to_three_parts(address: str, parts: tuple[str | None, str, int | None]) -> None:
    assert split_address(address) == parts


@pytest.mark.parametrize(
    "address", ["", "a b", "-x", "me@-x", "a:", "a:b", "a:0", "a:99999", "@", "me@", "[::1]x", "a\nb", "[]"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Unfit):
        split_address(address)


# Changes


def file_with(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "nodes.yaml"
    path.write_text(text)
    return path


def test_the_first_files_explain_themselves_and_are_not_written_over(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_first_files(home)
    assert load_nodes(home / "nodes.yaml") == Nodes((NodeSpec("local", type="local"),), {}, "", ())
    assert (home / "preferences.yaml").read_text().startswith("#")
    (home / "nodes.yaml").write_text("# mine\n")
    write_first_files(home)
    assert (home / "nodes.yaml").read_text() == "# mine\n"


def test_what_the_first_file_shows_in_comments_works(tmp_path: Path) -> None:
    shown = [
        line.removeprefix("#").removeprefix(" ")
        for line in FIRST_NODES.splitlines()
        if line.startswith("# ") or line == "#"
    ]
    start = shown.index("  gpu1:")
    text = "nodes:\n  gpu2: {ssh_address: x}\n" + "\n".join(shown[start:])
    nodes = parse(text)
    assert nodes.problems == ()
    spec = nodes.nodes[1]
    assert spec.id == "gpu1"
    assert None not in (spec.slots, spec.gpus, spec.memory)
    assert "" not in (spec.ssh_address, spec.root, spec.python, spec.setup, spec.env, spec.sbatch_args)
    assert nodes.default_node == "gpu"


def test_the_first_node_makes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "home" / "nodes.yaml"
    add_node(path, "triton", "triton.cs.hut.fi", {})
    assert path.read_text() == FIRST_NODES + "  triton:\n    ssh_address: triton.cs.hut.fi\n"


def test_adding_changes_nothing_else(tmp_path: Path) -> None:
    path = file_with(tmp_path, COMMENTED)
    add_node(
        path,
        "gpu3",
        "me@gpu3:2222",
        {"slots": 2, "owner": "Anna: & co", "env": {"A": "1"}, "setup": ["a b", "'"]},
    )
    new = (
        "  gpu3:\n    ssh_address: 'me@gpu3:2222'\n    slots: 2\n    owner: 'Anna: & co'\n"
        "    env: {A: 1}\n    setup: [a b, '''']\n"
    )
    assert path.read_text() == COMMENTED.replace("  # the end\n", new + "  # the end\n")
    spec = load_nodes(path).members("gpu3")[0]
    assert (spec.ssh_address, spec.slots, spec.env, spec.setup) == (
        "me@gpu3:2222",
        2,
        {"A": "1"},
        ("a b", "'"),
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "nodes:\n  n:\n    ssh_address: h\n"),
        ("# c", "# c\nnodes:\n  n:\n    ssh_address: h\n"),
        ("default_node: local", "default_node: local\nnodes:\n  n:\n    ssh_address: h\n"),
        ("nodes:\n", "nodes:\n  n:\n    ssh_address: h\n"),
        (
            "nodes:   # none\ndefault_node: local\n",
            "nodes:   # none\n  n:\n    ssh_address: h\ndefault_node: local\n",
        ),
        ("nodes: null # none", "nodes:  # none\n  n:\n    ssh_address: h\n"),
        ("nodes: {}", "nodes: {n: {ssh_address: h}}"),
        ("nodes: {a: {ssh_address: x}} # c", "nodes: {a: {ssh_address: x}, n: {ssh_address: h}} # c"),
        (
            "nodes:\n      a: {ssh_address: x}",
            "nodes:\n      a: {ssh_address: x}\n      n:\n        ssh_address: h\n",
        ),
    ],
)
def test_a_node_is_added_in_the_style_of_the_file(tmp_path: Path, before: str, after: str) -> None:
    path = file_with(tmp_path, before)
    add_node(path, "n", "h", {})
    assert path.read_text() == after


def test_removing_takes_the_node_its_memberships_and_nothing_else(tmp_path: Path) -> None:
    path = file_with(tmp_path, COMMENTED)
    remove_node(path, "gpu1")
    assert (
        path.read_text()
        == """\
# my machines
nodes:   # all of them

  # the good one, ask Anna

  gpu2:
    ssh_address: gpu2
    setup:
      - module load x   # as they say
  # the end

groups:
  gpu: [gpu2]   # both
  mixed:
    # first the old
    # then the new
    - gpu2
# last words"""
    )
    remove_node(path, "gpu2")
    nodes = load_nodes(path)
    assert (nodes.problems, nodes.groups, nodes.default_node) == ((), {}, "")
    assert [each.id for each in nodes.nodes] == ["local"]
    assert "# the good one, ask Anna" in path.read_text()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nodes: {a: {ssh_address: x}, b: {ssh_address: y}}", "nodes: {b: {ssh_address: y}}"),
        ("nodes: {b: {ssh_address: y}, a: {ssh_address: x}} # c", "nodes: {b: {ssh_address: y}} # c"),
        ("nodes: {a: {ssh_address: x}}\n", "nodes: {}\n"),
        ("nodes:\n  a: {ssh_address: x}\ngroups: {g: a, h: [a, local]}\n", "nodes:\ngroups: {h: [local]}\n"),
        ("nodes:\n  a: {ssh_address: x}\ngroups: {g: [a]}\ndefault_node: g\n", "nodes:\ngroups: {}\n"),
        ("default_node: a\nnodes:\n  a: {ssh_address: x}\n", "nodes:\n"),
        ("nodes:\n  a:\n    ssh_address: x", "nodes:\n"),
    ],
)
def test_a_node_is_removed_in_every_style(tmp_path: Path, before: str, after: str) -> None:
    path = file_with(tmp_path, before)
    remove_node(path, "a")
    assert path.read_text() == after


def test_the_guides_commands_one_after_the_other(tmp_path: Path) -> None:
    path = file_with(tmp_path, GUIDE)
    add_node(path, "kosh", "kosh.aalto.fi", {})
    remove_node(path, "triton")
    assert path.read_text() == GUIDE.replace(
        "  triton:\n    ssh_address: triton.aalto.fi\n    hard_disk_space: 1000GB\n", ""
    ).replace("default_node: triton\n", "").replace(
        "groups:", "  kosh:\n    ssh_address: kosh.aalto.fi\ngroups:"
    )


@pytest.mark.parametrize(
    ("id_", "address", "fields", "said"),
    [
        ("gpu1", "x", {}, "there is a node or a group 'gpu1' already"),
        ("gpu", "x", {}, "there is a node or a group 'gpu' already"),
        ("a b", "x", {}, "'a b' cannot be an id"),
        ("a", "-x", {}, "'-x' is not an address"),
        ("a", "", {}, "nothing is said of the node 'a'"),
        (
            "a",
            "x",
            {"slots": "many", "type": "oar"},
            "'many' is not a whole number from 0 to 100000; 'oar' is unknown here",
        ),
    ],
)
def test_what_cannot_be_added_leaves_the_file_as_it_was(
    tmp_path: Path, id_: str, address: str, fields: dict[str, object], said: str
) -> None:
    path = file_with(tmp_path, GUIDE)
    with pytest.raises(InputError) as caught:
        add_node(path, id_, address, fields)
    assert said in str(caught.value)
    assert path.read_text() == GUIDE


def test_what_is_not_there_cannot_be_removed(tmp_path: Path) -> None:
    path = file_with(tmp_path, GUIDE)
    with pytest.raises(InputError, match="there is no node 'tritn'") as caught:
        remove_node(path, "tritn")
    assert caught.value.hint == "did you mean triton?"
    with pytest.raises(InputError, match="always there"):
        remove_node(path, "local")


def test_a_file_with_problems_is_not_changed(tmp_path: Path) -> None:
    path = file_with(tmp_path, "nodes: [")
    for change in (lambda: add_node(path, "a", "x", {}), lambda: remove_node(path, "a")):
        with pytest.raises(ConfigError):
            change()
    assert path.read_text() == "nodes: ["
    with pytest.raises(ConfigError):
        add_node(tmp_path, "a", "x", {})


def test_a_change_that_would_harm_other_nodes_is_refused(tmp_path: Path) -> None:
    text = "nodes:\n  a: &x {ssh_address: x}\n  b: *x\n"
    path = file_with(tmp_path, text)
    with pytest.raises(InputError, match="without harm"):
        remove_node(path, "a")
    assert path.read_text() == text


def test_a_link_to_the_file_stays_one_and_its_mode_too(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.yaml"
    real.write_text(GUIDE)
    real.chmod(0o640)
    path = tmp_path / "nodes.yaml"
    path.symlink_to(real)
    add_node(path, "a", "x", {})
    assert path.is_symlink()
    assert "  a:\n" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640
    assert {each.name for each in tmp_path.iterdir()} <= {"dotfiles.yaml", "nodes.yaml", "nodes.yaml.lock"}


def test_two_commands_at_once_both_count(tmp_path: Path) -> None:
    path = tmp_path / "nodes.yaml"
    threads = [threading.Thread(target=add_node, args=(path, f"n{n}", "x", {})) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.id for each in load_nodes(path).nodes} == {"local", *(f"n{n}" for n in range(8))}


def test_a_home_that_cannot_be_one_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    home = tmp_path / "file" / "home"
    with pytest.raises(StoreError, match="could not be locked"):
        add_node(home / "nodes.yaml", "a", "x", {})
    with pytest.raises(StoreError, match="could not be written"):
        write_first_files(home)


def test_a_disk_that_is_full_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")  # what a full disk does, without one; not on Windows
    path = file_with(tmp_path, GUIDE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(StoreError, match="could not be written"):
            add_node(path, "a", "x", {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == GUIDE
    assert {each.name for each in tmp_path.iterdir()} <= {"nodes.yaml", "nodes.yaml.lock"}


def test_a_change_does_not_wait_for_ever_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neronet.spec.nodes.LOCK_SECONDS", 0.05)
    path = file_with(tmp_path, GUIDE)
    with filelock.FileLock(f"{path}.lock"), pytest.raises(StoreError, match="could not be locked"):
        add_node(path, "a", "x", {})
    assert path.read_text() == GUIDE
