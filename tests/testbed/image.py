"""What a node has on disk: its kind (Options), /etc, users, homes, interpreters and settings.

Everything lies in one folder of the machine; the script of the node's init mounts it over what is
the machine's own.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.testbed.nodes import Node

USERS = ("alice", "bob")
STALE = 30  # seconds; NFS has 30 to 60 of them for folders, and as many for files at rest

# Start-up files that print much to both streams, take a moment and end without a newline.
NOISY = """\
i=0; while [ $i -lt 300 ]; do echo "Welcome to the cluster, line $i"; echo "warning $i" >&2; i=$((i+1)); done
printf '\\033[2J\\033]0;a title\\007'
sleep 0.2
printf 'no newline at the end'; printf 'none here either' >&2
"""
RC_FILES = {"tcsh": ".tcshrc", "zsh": ".zshenv", "fish": ".config/fish/config.fish"}  # others: .bashrc
METHODS = {
    "": "publickey",
    "alone": "keyboard-interactive:pam",
    "after key": "publickey,keyboard-interactive:pam",
}


@dataclass(frozen=True)
class Options:
    """How a node differs from a plain one."""

    shell: str = "/bin/bash"  # login shell of its users
    rc: str = ""  # text put before the shell's own start-up file, e.g. NOISY
    python: str = "system"  # the only python3 there: "system", "none" or a version such as "3.6"
    jump: str = ""  # name of the node through which alone it is reached (ProxyJump)
    home_of: str = ""  # name of the node whose /home it shares
    read_only_home: bool = False
    stale_home: bool = False  # it sees /home through a file system that asks again only after `STALE` seconds
    disk: str = ""  # size of a small file system on /srv/alice, e.g. "8m"
    code: Literal["", "alone", "after key"] = ""  # a one-time code is asked by keyboard-interactive
    sshd: tuple[str, ...] = ()  # more lines of sshd_config; they come first, so they win


def make(node: Node) -> None:
    """The machine before its first boot, but for what `renew` makes."""
    folder = node.folder
    for new in ("local/bin", "local/python", "hidden"):
        (folder / new).mkdir(parents=True)
    subprocess.run(["cp", "-a", "/etc", folder / "etc"], check=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host_key"], check=True)
    # where the loader's cache looks for the libpython of an interpreter that was built for /usr/local
    (folder / "local/lib").symlink_to("python/lib")
    if node.options.python != "none":
        target = f"../python/bin/{node.python.name}" if node.python else "/usr/bin/python3"
        for link in ("python", "python2", "python3"):  # the guide's examples call python2
            (folder / "local/bin" / link).symlink_to(target)
    for old in Path("/usr/bin").glob("python[23]*"):  # such a device in an overlay says "not here"
        os.mknod(folder / "hidden" / old.name, stat.S_IFCHR)
    (folder / "etc/hostname").write_text(node.name + "\n")
    (folder / "sshd_config").write_text(_sshd_config(node))
    (folder / "init.sh").write_text(_init_script(node))


def renew(node: Node) -> None:
    """Users, homes, codes and log as on a machine that nobody has used yet."""
    folder = node.folder
    for name in ("home", "srv"):
        if (folder / name).exists():
            shutil.rmtree(folder / name)
        (folder / name).mkdir()
    (folder / "asked").write_bytes(b"")
    (folder / "log").write_bytes(b"")
    _make_accounts(node)
    for user in USERS:
        if not node.options.home_of:
            _make_home(node, folder / "home" / user, user)
        (folder / "srv" / user).mkdir(mode=0o700)
        os.chown(folder / "srv" / user, node.lab.uid(user), node.lab.uid(user))


def _make_accounts(node: Node) -> None:
    etc = node.folder / "etc"
    lines = {
        "passwd": "{user}:x:{uid}:{uid}::/home/{user}:{shell}\n",
        "group": "{user}:x:{uid}:\n",
        "shadow": "{user}:*:19000:0:99999:7:::\n",  # `*`: no password; `!` would be refused as locked
    }
    for name, line in lines.items():
        others = [x for x in Path("/etc", name).read_text().splitlines(True) if x.split(":")[0] not in USERS]
        ours = [line.format(user=u, uid=node.lab.uid(u), shell=node.options.shell) for u in USERS]
        (etc / name).write_text("".join(others + ours))
    if node.options.code:
        (etc / "users.oath").write_text(f"HOTP {USERS[0]} - {node.secret.hex()}\n")
        (etc / "users.oath").chmod(0o600)
        (etc / "pam.d/sshd").write_text(
            f"auth optional pam_exec.so quiet /bin/sh -c [printf x >>{node.folder / 'asked'}]\n"
            "auth required pam_oath.so usersfile=/etc/users.oath window=20 digits=6\n"
            "account required pam_permit.so\nsession required pam_permit.so\n"
        )


def _make_home(node: Node, home: Path, user: str) -> None:
    shutil.copytree("/etc/skel", home)
    rc = home / RC_FILES.get(Path(node.options.shell).name, ".bashrc")
    rc.parent.mkdir(parents=True, exist_ok=True)
    rc.write_text(node.options.rc + (rc.read_text() if rc.exists() else ""))
    (home / ".ssh").mkdir(mode=0o700)
    shutil.copy(f"{node.lab.key(user)}.pub", home / ".ssh/authorized_keys")
    home.chmod(0o700)
    uid = node.lab.uid(user)
    subprocess.run(["chown", "-R", f"{uid}:{uid}", home], check=True)


def _sshd_config(node: Node) -> str:
    code = "yes" if node.options.code else "no"
    lines = [
        *node.options.sshd,
        f"ListenAddress {node.address}:{node.port}",
        f"HostKey {node.folder}/host_key",
        f"AuthenticationMethods {METHODS[node.options.code]}",
        f"KbdInteractiveAuthentication {code}",
        f"UsePAM {code}",
        "AuthorizedKeysFile .ssh/authorized_keys",
        "PasswordAuthentication no",
        "PermitRootLogin no",
        "StrictModes yes",
        "UseDNS no",
        "PrintMotd no",
        "LogLevel VERBOSE",
        "Subsystem sftp internal-sftp",
    ]
    return "\n".join([*lines, ""])


def _init_script(node: Node) -> str:
    here = node.folder
    shared = node.lab.nodes[node.options.home_of].folder if node.options.home_of else node.folder
    bind = "mount --bind"
    if node.options.stale_home:  # one mount of its own for each node, which ends with the node
        bind = f"bindfs -o nonempty,attr_timeout={STALE},entry_timeout={STALE},negative_timeout={STALE}"
    lines = ["set -e", f"hostname {node.name}"]
    if node.python:
        lines.append(f"mount --bind {node.python.parent.parent} {here}/local/python")
    lines += [
        f"mount --rbind {here}/local /usr/local",
        f"mount --bind {here}/etc /etc",
        f"{bind} {shared}/home /home",
        f"mount --bind {here}/srv /srv",
        f"mount --bind {here}/boot_id /proc/sys/kernel/random/boot_id",
        "mount -t tmpfs -o mode=755 tmpfs /root",
        "mount -t tmpfs -o mode=755 tmpfs /run",
        "mount -t tmpfs -o mode=1777 tmpfs /dev/shm",
        "mount -t tmpfs -o mode=1777 tmpfs /tmp",
        "mkdir /run/sshd",
    ]
    if node.python:  # a shared libpython is looked for where the interpreter was built
        prefix = node.python.parent.parent
        lines.append(
            f"if [ ! -e {prefix} ]; then mkdir -p {prefix.parent}; ln -s /usr/local/python {prefix}; fi"
        )
    if node.options.python != "system":
        lines.append(f"mount -t overlay -o lowerdir={here}/hidden:/usr/bin overlay /usr/bin")
    if node.options.disk:
        uid = node.lab.uid(USERS[0])
        limits = f"size={node.options.disk},mode=700,uid={uid},gid={uid}"
        lines.append(f"mount -t tmpfs -o {limits} tmpfs /srv/{USERS[0]}")
    if node.options.read_only_home:
        lines.append("mount -o remount,bind,ro /home")
    # bash reaps, as process 1, every orphan while it waits in `read`
    return "\n".join([*lines, "echo up", "read -r _", ""])
