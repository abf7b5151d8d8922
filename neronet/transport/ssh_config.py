"""What the user's ssh configuration says of a host, as OpenSSH itself would read it.

asyncssh's own reader gives up on a whole file for one `Match` that it does not know,
and does not see what it should of several other words; so the files are read here and
asyncssh gets plain arguments.  A line that cannot be understood is left out, with a note
when it may matter, and never keeps the rest from being used.
"""

from __future__ import annotations

import fnmatch
import getpass
import glob
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MAX_DEPTH = 16  # of Include, as in OpenSSH
REPEATED = ("identityfile", "certificatefile")  # every line counts; of all others the first
WHOLE_LINE = ("proxycommand", "knownhostscommand", "remotecommand", "localcommand")


@dataclass(frozen=True)
class Address:
    """`ssh_address` of a node or one jump of ProxyJump, taken apart; None: not given there."""

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host and self.port else self.host
        return (f"{self.user}@" if self.user else "") + host + (f":{self.port}" if self.port else "")


def parse_address(text: str) -> Address:
    """`host`, `user@host`, `host:port`, `user@host:port`, `[v6]:port`, `v6` or `ssh://...`; ValueError."""
    user, at, rest = text.strip().removeprefix("ssh://").rstrip("/").rpartition("@")
    found = re.fullmatch(r"\[([^]]+)](?::(\d+))?|([^:\s]+)(?::(\d+))?|([0-9A-Fa-f:.]+(?:%\w+)?)", rest)
    if not found or (at and not user):
        raise ValueError(f"{text!r} is not an address such as user@host:port")
    host = found[1] or found[3] or found[5]
    port = found[2] or found[4]
    # ssh would take such a name for an option.
    if host.startswith("-") or user.startswith("-"):
        raise ValueError(f"{text!r} begins with a dash")
    if port and not 0 < int(port) < 65536:
        raise ValueError(f"{port} is not a port")
    return Address(host, user or None, int(port) if port else None)


@dataclass
class Options:
    """The words that apply to a host, in lower case, each with its arguments."""

    values: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def first(self, word: str, default: str = "") -> str:
        return (self.values.get(word) or [default])[0]

    def flag(self, word: str, default: bool) -> bool:
        value = self.first(word).lower()
        return value in ("yes", "true") if value else default


@dataclass(frozen=True)
class Facts:
    """What conditions and tokens are held against, beside the address."""

    home: Path
    user: str  # who we are on this computer
    host_name: str  # of this computer

    @classmethod
    def here(cls) -> Facts:
        return cls(Path.home(), getpass.getuser(), socket.gethostname())


def run_quietly(command: str) -> bool:
    """Does a `Match exec` command of the user's own file succeed?"""
    shell = ["cmd", "/c"] if os.name == "nt" else [os.environ.get("SHELL") or "/bin/sh", "-c"]
    null = subprocess.DEVNULL
    done = subprocess.run([*shell, command], stdin=null, stdout=null, stderr=null, check=False)
    return done.returncode == 0


def config_files(home: Path) -> list[Path]:
    """The user's file, then the system's."""
    system = "/etc/ssh" if os.name != "nt" else os.environ.get("PROGRAMDATA", "C:/ProgramData") + "/ssh"
    return [home / ".ssh/config", Path(system, "ssh_config")]


def read_options(
    address: Address, files: Sequence[Path], facts: Facts, run: Callable[[str], bool] = run_quietly
) -> Options:
    """What `files` say of `address`; the first value of a word wins, the address comes before all."""
    reader = _Reader(address, facts, run)
    for final in (False, True):
        for path in files:
            reader.folder = path.parent
            reader.read(path, active=True, depth=0)
        if final or not reader.wants_final:
            break
        reader.settle_host()
    return reader.options


def aliases(path: Path) -> list[str]:
    """The names that a file and what it includes have a `Host` for, in its order; patterns are left out."""
    found: dict[str, None] = {}

    def read(path: Path, depth: int) -> None:
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return
        for line in lines:
            try:
                word, arguments, _ = split_line(line)
            except ValueError:
                continue
            if word == "host":
                names = [name for argument in arguments for name in argument.split(",")]
                found.update(dict.fromkeys(name for name in names if name and not set(name) & set("*?!")))
            elif word == "include" and depth < MAX_DEPTH:
                for name in arguments:
                    for included in _included(folder, name):
                        read(included, depth + 1)

    folder = path.parent
    read(path, 0)
    return list(found)


def _included(folder: Path, name: str) -> list[Path]:
    """The files that an Include means; names begin in the folder of the first file."""
    return [Path(each) for each in sorted(glob.glob(str(folder / os.path.expanduser(name))))]


def split_line(line: str) -> tuple[str, list[str], str]:
    """(word in lower case, arguments, all of them as written); ("", [], "") when it says nothing.

    ValueError when a quote is not closed.
    """
    found = re.match(r'\s*"?([^\s="#]+)"?(?:\s*=\s*|\s+|$)(.*)', line.rstrip())
    if not found:
        return "", [], ""
    return found[1].lower(), list(_arguments(found[2])), found[2]


def _arguments(text: str) -> Iterator[str]:
    """Words split as OpenSSH does: a backslash only protects quotes, itself and blanks, so C:\\x stays."""
    position = 0
    while position < len(text):
        if text[position] in " \t":
            position += 1
            continue
        if text[position] == "#":
            return
        word, quote = "", ""
        while position < len(text) and (quote or text[position] not in " \t"):
            sign = text[position]
            following = text[position + 1 : position + 2]
            if sign == "\\" and following and (following in "'\"\\" or (following == " " and not quote)):
                word += following
                position += 1
            elif sign == quote:
                quote = ""
            elif sign in "'\"" and not quote:
                quote = sign
            else:
                word += sign
            position += 1
        if quote:
            raise ValueError("a quote is not closed")
        yield word


def is_listed(patterns: str, value: str) -> bool:
    """Does `value` match the list (commas) of patterns with *, ? and !?"""
    found = False
    for pattern in patterns.split(","):
        if fnmatch.fnmatchcase(value, pattern.lstrip("!").replace("[", "[[]")):
            if pattern.startswith("!"):
                return False
            found = True
    return found


class _Reader:
    """One reading of all files for one address; keeps what applies in `options`."""

    def __init__(self, address: Address, facts: Facts, run: Callable[[str], bool]) -> None:
        self.options = Options()
        self.wants_final = False  # `Match final` asks for a second pass
        self._final = False  # this is that pass
        self._target = address.host  # what `Host` is held against
        self.folder = Path()  # where the names after Include begin
        self._address, self._facts, self._run = address, facts, run
        if address.user:
            self.options.values["user"] = [address.user]
        if address.port:
            self.options.values["port"] = [str(address.port)]

    def settle_host(self) -> None:
        """Makes the next pass the final one: it cannot change the host's name any more, and goes by it."""
        self._final = True
        self._target = expand(self.options.first("hostname", "%h"), {"h": self._address.host})
        self.options.values["hostname"] = [self._target]

    def read(self, path: Path, active: bool, depth: int) -> None:
        """Takes what applies from a file, if it can be read; nothing in it applies unless `active`."""
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return
        around = active
        for number, line in enumerate(lines, 1):
            try:
                word, arguments, rest = split_line(line)
            except ValueError as error:
                self._note(f"{path}:{number}: {error}; the line is left out")
                continue
            if word == "host":
                active = around and is_listed(",".join(arguments), self._target)
            elif word == "match":
                active = around and self._matches(arguments, f"{path}:{number}")
            elif word == "include":
                for name in arguments if depth < MAX_DEPTH else ():
                    for included in _included(self.folder, name):
                        self.read(included, active, depth + 1)
            elif active and arguments:
                self._take(word, arguments, rest)

    def _take(self, word: str, arguments: list[str], rest: str) -> None:
        values = self.options.values
        word = {"challengeresponseauthentication": "kbdinteractiveauthentication"}.get(word, word)
        if word in REPEATED:
            values.setdefault(word, [])
            values[word] += [argument for argument in arguments[:1] if argument not in values[word]]
        elif word in ("proxyjump", "proxycommand"):
            # Of these two, the one that comes first keeps the other out.
            if "proxyjump" not in values and "proxycommand" not in values:
                values[word] = [rest.strip() if word == "proxycommand" else arguments[0]]
        elif word not in values:
            values[word] = [rest.strip()] if word in WHOLE_LINE else arguments

    def _matches(self, arguments: list[str], place: str) -> bool:
        """Do all conditions of a Match line hold?"""
        result = True
        left = list(arguments)
        while left:
            word = left.pop(0)
            negated = word.startswith("!")
            name, equals, value = word.lstrip("!").partition("=")
            name = name.lower()
            if name == "all":
                holds = True
            elif name in ("final", "canonical"):
                self.wants_final |= name == "final"
                holds = self._final
            else:
                if not equals:
                    value = left.pop(0) if left else ""
                known = self._condition(name, value, wanted=result)
                if known is None:
                    self._note(f"{place}: `Match {name}` is not understood here; its block is left out")
                    return False
                holds = known
            result = result and holds != negated
        return result

    def _condition(self, name: str, value: str, wanted: bool) -> bool | None:
        """One condition with an argument; None when it cannot be judged here."""
        options, address = self.options, self._address
        host = expand(options.first("hostname", "%h"), {"h": address.host})
        user = options.first("user", self._facts.user)
        if name == "exec":
            return wanted and self._run(expand(value, tokens(address, options, self._facts)))
        if name in ("host", "originalhost"):
            return is_listed(value.lower(), (host if name == "host" else address.host).lower())
        subjects = {
            "user": user, "localuser": self._facts.user, "tagged": options.first("tag"), "sessiontype": "exec"
        }  # fmt: skip
        return is_listed(value, subjects[name]) if name in subjects else None

    def _note(self, text: str) -> None:
        if text not in self.options.notes:
            self.options.notes.append(text)


def tokens(address: Address, options: Options, facts: Facts) -> dict[str, str]:
    """What %h and the like stand for."""
    return {
        "%": "%",
        "d": str(facts.home),
        "h": expand(options.first("hostname", "%h"), {"h": address.host, "%": "%"}),
        "i": str(os.getuid()) if hasattr(os, "getuid") else "",
        "j": options.first("proxyjump"),
        "k": options.first("hostkeyalias", address.host),
        "L": facts.host_name.partition(".")[0],
        "l": facts.host_name,
        "n": address.host,
        "p": options.first("port", "22"),
        "r": options.first("user", facts.user),
        "u": facts.user,
    }


def expand(text: str, meanings: dict[str, str]) -> str:
    """`text` with its %-tokens replaced; what is not known stays as it is."""
    return re.sub(r"%(.)", lambda found: meanings.get(found[1], found[0]), text)
