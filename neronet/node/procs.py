"""Processes: who they are, whether they live, and how a whole tree is ended.

A process is known by (host, boot id, pid namespace, pid, start time); a pid
alone is reused within minutes.  Nothing is judged from another host or
namespace, and every signal checks the identity first.
"""

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import time

ALIVE, DEAD, UNKNOWN = "alive", "dead", "unknown"


def host_name():
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in socket.gethostname())[:100] or "localhost"


def read_text(path, default=""):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return default


def boot_id():
    return read_text("/proc/sys/kernel/random/boot_id").strip() or "none"


def boot_time():
    """When this machine was started, seconds since 1970; 0.0 where that is not known."""
    for line in read_text("/proc/stat").splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0


def namespace():
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return "none"


def start_time(pid):
    """Start time of a process in clock ticks since boot, as text; "" when there is none (or a zombie)."""
    # The name may hold blanks and brackets, so the fields count from the last bracket.
    fields = read_text("/proc/%d/stat" % pid).rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else ""


def parse_stat(line):
    """(pid, start time) from the text of a /proc/PID/stat, or None."""
    fields = line.rpartition(")")[2].split()
    pid = line.partition(" ")[0]
    return (int(pid), fields[19]) if pid.isdigit() and len(fields) > 19 else None


class Here(object):
    """This host, boot and pid namespace: what an identity is judged from."""

    def __init__(self):
        self.host = host_name()
        self.boot = boot_id()
        self.namespace = namespace()

    def identity(self, pid=None):
        pid = os.getpid() if pid is None else pid
        return {"host": self.host, "boot": self.boot, "ns": self.namespace, "pid": pid, "start": start_time(pid)}

    def judge(self, identity):
        """ALIVE, DEAD, or UNKNOWN when it cannot be told from here."""
        if identity.get("host") != self.host:
            return UNKNOWN
        if identity.get("boot") != self.boot:
            return DEAD
        if identity.get("ns") != self.namespace:
            return UNKNOWN
        return ALIVE if identity.get("start") and start_time(identity["pid"]) == identity["start"] else DEAD


def spawn_detached(argv, environment):
    """Starts a process of its own session that inherits nothing of ours but `environment`; its Popen."""
    with open(os.devnull, "r+b") as null:
        return subprocess.Popen(
            argv, stdin=null, stdout=null, stderr=null, env=environment, cwd="/", close_fds=True, start_new_session=True
        )


def set_title(name):
    """The short name that `ps` and `top` show; a nicety, so it may fail."""
    try:
        ctypes.CDLL(None, use_errno=True).prctl(15, name.encode("ascii"), 0, 0, 0)
    except (OSError, AttributeError):
        pass


def send(pid, number):
    try:
        os.kill(pid, number)
    except OSError as error:
        if error.errno not in (errno.ESRCH, errno.EPERM):
            raise


def tree_of(session, mark, spare):
    """Pids of every process of ours that belongs to a run: same session, or our mark in its environment."""
    me = os.getuid()
    found = []
    needle = mark.encode("ascii")
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == spare or int(entry) == os.getpid():
            continue
        try:
            if os.stat("/proc/" + entry).st_uid != me:
                continue
            fields = read_text("/proc/%s/stat" % entry).rpartition(")")[2].split()
            if len(fields) < 20 or fields[0] in "ZX":
                continue
            if session and fields[3] == str(session):
                found.append(int(entry))
                continue
            with open("/proc/%s/environ" % entry, "rb") as file:
                if needle in file.read().split(b"\0"):
                    found.append(int(entry))
        except OSError:
            continue  # it ended while we looked, or is none of our business
    return found


def end_tree(session, mark, spare, number):
    """Sends a signal to the whole tree of a run but `spare`; how many processes there were."""
    pids = tree_of(session, mark, spare)
    for pid in pids:
        send(pid, number)
    return len(pids)


def kill_tree(session, mark, spare):
    """KILL until nothing of the run is left; a fork that raced us is found in the next round."""
    for _ in range(50):
        if not end_tree(session, mark, spare, signal.SIGKILL):
            return True
        time.sleep(0.02)
    return False


def pause(step):
    """Fault tests stop a process at a named step of an attempt's life: NERONET_PAUSE=step:seconds[,step:seconds]."""
    for wish in os.environ.get("NERONET_PAUSE", "").split(","):
        name, _, seconds = wish.partition(":")
        if name == step:
            time.sleep(float(seconds))


def agent_argv(*arguments):
    """The command line that starts this very agent again."""
    return [sys.executable, "-I", "-S", sys.argv[0]] + list(arguments)
