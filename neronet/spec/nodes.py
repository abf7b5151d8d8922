"""nodes.yaml: the machines that runs may go to, groups of them, and which one is meant when none is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from neronet.errors import ConfigError, InputError, StoreError
from neronet.spec import document, edit, fields, schedulers, values
from neronet.spec.document import Block, Items, Node, Text, plain
from neronet.spec.files import FIRST_NODES, write_text
from neronet.spec.problems import Problem, Problems, TooManyError, Unfit, check, did_you_mean, nearest, quoted
from neronet.spec.reading import Reader, choice, listing, scalar, table, whole

LOCAL = "local"
TEMPLATES = ("submit", "query", "cancel")  # the commands of a node of the type `command`
LOCK_SECONDS = 10.0


@dataclass(frozen=True)
class SshOptions:
    """What the user's ssh configuration does not say already."""

    identity_file: str | None = None
    known_hosts: str | None = None
    port: int | None = None
    user: str | None = None


@dataclass(frozen=True)
class NodeSpec:
    """A machine, or the gateway of a cluster. An empty text is for whoever uses it to fill in."""

    id: str
    ssh_address: str = ""  # empty only for the type local
    type: str = "direct"  # one of MACHINES, or the scheduler of a cluster
    slots: int | None = None
    gpus: int | None = None
    memory: int | None = None  # bytes
    root: str = ""
    python: str = ""
    transport: Literal["asyncssh", "openssh"] = "asyncssh"
    ssh_options: SshOptions = SshOptions()
    setup: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    sbatch_args: tuple[str, ...] = ()
    query_every: int | None = None  # seconds between two questions to the scheduler
    submit: str = ""  # the commands of a scheduler of the user's own
    query: str = ""
    cancel: str = ""

    @property
    def is_cluster(self) -> bool:
        """Whether it is the gateway of a cluster, whose scheduler decides where and when runs start."""
        return self.type not in schedulers.MACHINES

    @property
    def commands(self) -> dict[str, str]:
        return {word: getattr(self, word) for word in TEMPLATES} if self.type == schedulers.COMMAND else {}


@dataclass(frozen=True)
class Nodes:
    """What a nodes.yaml says, less the nodes that an error made meaningless."""

    nodes: tuple[NodeSpec, ...]  # in the file's order; one called `local` is always there
    groups: dict[str, tuple[str, ...]]
    default_node: str  # a node or a group; '' when none is named
    problems: tuple[Problem, ...]

    def check(self) -> None:
        """Raises ConfigError with all problems when one of them is an error."""
        check(self.problems)

    def members(self, name: str) -> tuple[NodeSpec, ...]:
        """The node, or the nodes of the group, called `name`; empty when there is none."""
        wanted = self.groups.get(name, (name,))
        return tuple(node for node in self.nodes if node.id in wanted)


def split_address(address: str) -> tuple[str | None, str, int | None]:
    """(user, host, port) of `host`, `user@host`, `host:port`, `[::1]:port`; raises Unfit."""
    user, _, place = address.rpartition("@")
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
    elif place.count(":") > 1:
        host, rest = place, ""  # an IPv6 address
    else:
        host, colon, port = place.partition(":")
        rest = colon + port
    # An option of the ssh program, which someone's file must not slip in.
    is_option = address.startswith("-") or host.startswith("-")
    is_word = address.isprintable() and " " not in address
    if not host or is_option or not is_word or rest[:1] not in ("", ":"):
        hint = "write host, user@host, host:port or an alias of ~/.ssh/config"
        raise Unfit(f"{quoted(address)} is not an address", hint)
    return user or None, host, values.whole(rest[1:], 1, 65535) if rest else None


def load_nodes(path: Path) -> Nodes:
    """The nodes of a file; the node `local` alone where there is none."""
    data = document.read(path, missing=b"")
    if isinstance(data, Problem):
        return Nodes((_here(),), {}, "", (data,))
    return parse_nodes(data, str(path))


def parse_nodes(data: bytes, file: str) -> Nodes:
    """The same from the content; `file` is how problems call it."""
    problems = Problems(file)
    reader = _Reader(problems)
    try:
        reader.file(document.load(data, problems)[1])
    except TooManyError:
        problems.give_up()
    nodes = reader.nodes if LOCAL in reader.nodes else {**reader.nodes, LOCAL: _here()}
    return Nodes(tuple(nodes.values()), reader.groups, reader.default_node, problems.all())


def add_node(path: Path, id: str, address: str, fields: Mapping[str, object]) -> None:  # noqa: A002
    """Adds a node to the file, which is made if need be; all that is in it stays as it is.

    Raises InputError when the id is taken or a field does not fit, ConfigError when the file has
    problems, StoreError when it cannot be written. The file is unchanged then.
    """
    given = {**({"ssh_address": address} if address else {}), **fields}
    alone = parse_nodes(edit.insert("", None, "nodes", id, given).encode(), "")
    wrong = [each for each in alone.problems if each.severity == "error"]
    if wrong:
        raise InputError("; ".join(each.text for each in wrong), wrong[0].hint)
    with locked(path):
        text, root, before = read_file(path)
        if id in section(root, "nodes") or id in before.groups:
            hint = f"nerocli delnode {id} removes a node"
            raise InputError(f"there is a node or a group {quoted(id)} already", hint)
        write_file(path, edit.insert(text, root, "nodes", id, given), before, id)


def remove_node(path: Path, id: str) -> None:  # noqa: A002
    """Removes a node, from its groups too, and as the default; all else in the file stays as it is.

    Raises InputError when there is no such node, otherwise as `add_node`.
    """
    with locked(path):
        text, root, before = read_file(path)
        names = section(root, "nodes")
        if id not in names:
            what = "the node local is always there" if id == LOCAL else f"there is no node {quoted(id)}"
            raise InputError(what, did_you_mean(id, names))
        while (place := _mention(root, id)) is not None:
            text = edit.cut(text, *place)
            root = document.load(text.encode(), Problems(""))[1]
        write_file(path, text, before, id)


def _mention(root: Node | None, id: str) -> tuple[Node, str] | None:  # noqa: A002
    """What is to be cut next when the node `id` goes: a container and the entry or item in it."""
    nodes, groups = section(root, "nodes"), section(root, "groups")
    if id in nodes:
        return nodes[id].container, id
    for name, group in groups.items():
        members = group.value.items if isinstance(group.value, Items) else (group.value,)
        if any(isinstance(each, Text) and each.text == id for each in members):
            return (group.value, id) if len(members) > 1 else (group.container, name)
    default = root.entries.get("default_node") if isinstance(root, Block) else None
    if root is not None and default and plain(default[1]) not in (None, LOCAL, *nodes, *groups):
        return root, "default_node"
    return None


class Entry(NamedTuple):
    """A value in the file, and the block that it stands in."""

    container: Block
    value: Node


def section(root: Node | None, word: str) -> dict[str, Entry]:
    """The entries of a top-level section of the file."""
    block = root.entries[word][1] if isinstance(root, Block) and word in root.entries else None
    if not isinstance(block, Block):
        return {}
    return {key: Entry(block, value) for key, (_, value) in block.entries.items()}


def read_file(path: Path) -> tuple[str, Node | None, Nodes]:
    """The text, its tree, and what it says; raises ConfigError when it has errors."""
    data = document.read(path, missing=FIRST_NODES.encode())
    if isinstance(data, Problem):
        raise ConfigError([data])
    nodes = parse_nodes(data, str(path))
    nodes.check()
    return (*document.load(data, Problems(str(path))), nodes)


def write_file(path: Path, text: str, before: Nodes, changed: str) -> None:
    """Writes the file once it was read back: but for the node `changed` all must be what it was."""
    after = parse_nodes(text.encode(), str(path))
    broken = any(problem.severity == "error" for problem in after.problems)
    if broken or _without(before, changed) != _without(after, changed):
        raise InputError(f"{path} could not be changed without harm to the rest of it", "change it by hand")
    write_text(path, text)


def _without(nodes: Nodes, id: str) -> tuple[object, object]:  # noqa: A002
    """The nodes and the groups, as if the node `id` had never been in them."""
    groups = {name: [each for each in members if each != id] for name, members in nodes.groups.items()}
    others = [node for node in nodes.nodes if node.id != id]
    return others, {name: members for name, members in groups.items() if members}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keeps other programs of ours from writing the file: two at once would lose what the first one wrote."""
    import filelock  # only writing needs it

    lock = filelock.FileLock(f"{path}.lock", timeout=LOCK_SECONDS)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:  # a timeout too
        raise StoreError(f"{path} could not be locked for a change: {error.strerror or error}") from None
    try:
        yield
    finally:
        lock.release()


def _here() -> NodeSpec:
    return NodeSpec(LOCAL, type="local")


def _address(text: str) -> str:
    split_address(text)
    return text


def _kind(text: str) -> str:
    word = {"unmanaged": "direct"}.get(text, text)
    if word in schedulers.MACHINES or schedulers.is_known(word):
        return word
    raise Unfit(
        f"{quoted(text)} is unknown here", did_you_mean(text, (*schedulers.MACHINES, *schedulers.NAMES))
    )


def _template(text: str) -> str:
    values.words(text)  # as it will be split
    return text


def _root(text: str) -> str:
    if not text.startswith(("/", "~/")):
        what = f"{quoted(text)} is not a path from the root or the home of the node"
        raise Unfit(what, "as in /scratch/you/neronet")
    return text


def _node_id(text: str) -> str:
    if not text.isascii():
        hint = "use letters, digits, _ . and -, at most 100"
        raise Unfit(f"{quoted(text)} cannot be the id of a node", hint)
    return values.identifier(text)


_SSH_READERS: dict[str, Reader[object]] = {
    "identity_file": scalar(str),
    "known_hosts": scalar(str),
    "port": whole(1, 65535),
    "user": scalar(str),
}


def _ssh_options(node: Node, problems: Problems) -> SshOptions | None:
    if not isinstance(node, Block):
        problems.error(node, "ssh_options take a block", "write KEY: VALUE on indented lines")
        return None
    given: dict[str, Any] = {}
    for key, value in node.entries.values():
        if key.text in _SSH_READERS:
            given[key.text] = _SSH_READERS[key.text](value, problems)
        else:
            hint = did_you_mean(key.text, _SSH_READERS) + "; what ~/.ssh/config says is obeyed too"
            problems.error(key, f"ssh_options have no {quoted(key.text)}", hint)
    return SshOptions(**given)


_READERS: dict[str, Reader[object]] = {
    "ssh_address": scalar(_address),
    "type": scalar(_kind),
    "slots": whole(0, 100_000),
    "gpus": whole(0, 10_000),
    "memory": scalar(values.memory),
    "root": scalar(_root),
    "python": scalar(str),
    "transport": choice("asyncssh", "openssh"),
    "ssh_options": _ssh_options,
    "setup": fields.setup,
    "env": table(values.variable, str),
    "sbatch_args": fields.words_list,
    "query_every": whole(1, 86_400),
    **dict.fromkeys(TEMPLATES, scalar(_template)),
}


class _Reader:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._names: dict[str, None] = {LOCAL: None}  # also of nodes that have problems: these are told once
        self.nodes: dict[str, NodeSpec] = {}
        self.groups: dict[str, tuple[str, ...]] = {}
        self.default_node = ""

    def file(self, root: Node | None) -> None:
        if root is not None and not isinstance(root, Block):
            hint = "write nodes: on the first line"
            self._problems.error(root, "the file is not a block of KEY: VALUE lines", hint)
            return
        sections = dict(root.entries) if root else {}
        for key, node in self._section(sections, "nodes"):
            self._node(key, node)
        for key, node in self._section(sections, "groups"):
            self._group(key, node)
        default = sections.pop("default_node", None)
        if default and not (isinstance(default[1], Text) and default[1].is_none):
            self.default_node = scalar(self._known)(default[1], self._problems) or ""
        for key, _ in sections.values():
            near = nearest(key.text, ("nodes", "groups", "default_node"))
            hint = f"did you mean {near}?" if near else ""
            self._problems.warn(key, f"{quoted(key.text)} means nothing here", hint)

    def _section(self, sections: dict[str, tuple[Text, Node]], word: str) -> Iterable[tuple[Text, Node]]:
        _, node = sections.pop(word, (None, None))
        if isinstance(node, Block):
            return node.entries.values()
        if node is not None and not (isinstance(node, Text) and node.is_none):
            self._problems.error(node, f"{word} takes a block", "write one name on each line, indented")
        return ()

    def _node(self, key: Text, node: Node) -> None:
        before = self._problems.errors
        self._names[key.text] = None
        name = scalar(_node_id)(key, self._problems)
        entries = node.entries if isinstance(node, Block) else {}
        if not entries and not (name == LOCAL and isinstance(node, Text) and node.is_null):
            hint = "write its ssh_address: on the next line, indented"
            self._problems.error(key, f"nothing is said of the node {quoted(key.text)}", hint)
        given: dict[str, Any] = {}
        for word, value in entries.values():
            if word.text in _READERS:
                if not (isinstance(value, Text) and value.is_none):
                    given[word.text] = _READERS[word.text](value, self._problems)
            elif near := nearest(word.text, _READERS, cutoff=0.8):
                # Fields of their own are for the users; a slip of theirs is not.
                text = f"{quoted(word.text)} means nothing to Neronet"
                self._problems.warn(word, text, f"did you mean {near}?")
        if name == LOCAL and "ssh_address" not in given:
            given.setdefault("type", LOCAL)
        if entries and "ssh_address" not in given and given.get("type") != LOCAL:
            hint = "the host, user@host, host:port or an alias of ~/.ssh/config; or say type: local"
            self._problems.error(key, f"the node {quoted(key.text)} has no ssh_address", hint)
        if lacking := [
            word for word in TEMPLATES if given.get("type") == schedulers.COMMAND and not given.get(word)
        ]:
            hint = (
                "write the command lines by which jobs are submitted, listed and ended; see docs/clusters.md"
            )
            self._problems.error(key, f"the node {quoted(key.text)} has no {', '.join(lacking)}", hint)
        if name is not None and self._problems.errors == before:
            self.nodes[name] = NodeSpec(name, **given)

    def _group(self, key: Text, node: Node) -> None:
        name = scalar(_node_id)(key, self._problems)
        members = listing(str)(node, self._problems) or ()
        if key.text in self._names:
            self._problems.error(key, f"{quoted(key.text)} is a node and a group", "rename one of them")
        for member in members:
            if member not in self._names:
                hint = did_you_mean(member, self._names)
                self._problems.error(node, f"{quoted(member)} in this group is no node", hint)
        if name is not None:
            self.groups[name] = tuple(dict.fromkeys(members))

    def _known(self, text: str) -> str:
        names = (*self._names, *self.groups)
        if text not in names:
            raise Unfit(f"default_node: there is no node or group {quoted(text)}", did_you_mean(text, names))
        return text
