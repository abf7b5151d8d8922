"""Processes: who they are, whether they live, and how a whole tree is ended.

A process is known by (host, boot id, pid namespace, pid, start time); a pid
alone is reused within minutes.  Nothing is judged from another host or
namespace, and every signal checks the identity first.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

ALIVE, DEAD, UNKNOWN = "alive", "dead", "unknown"
_BOOTTIME = 7  # time.CLOCK_BOOTTIME, which Python 3.6 has no name for


def host_name():
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in os.uname().nodename)[:100] or "localhost"


def read_bytes(path):
    """The content of a file; raises OSError.  A third of the system calls that `open` makes."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(fd, 65536)
        part = data
        while part:
            part = os.read(fd, 1024 * 1024)
            data += part
        return data
    finally:
        os.close(fd)


def read_text(path, default=""):
    try:
        return read_bytes(path).decode("utf-8", "surrogateescape")
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


def parse_pid(line):
    """The pid in front of a line, None while the line is not whole."""
    pid = line.partition(" ")[0].strip()
    return int(pid) if line.endswith("\n") and pid.isdigit() else None


def start_of(pid, mark):
    """Start time of the leader of a session that has this mark in its environment; "" when there is no such process."""
    try:
        environment = read_bytes("/proc/%d/environ" % pid).split(b"\0")
        known = mark.encode("ascii") in environment and os.getsid(pid) == pid
    except OSError:  # it has ended, or is somebody else's
        return ""
    return start_time(pid) if known else ""


def age(start):
    """Seconds since the moment that a start time names; steps of the wall clock do not matter."""
    return time.clock_gettime(_BOOTTIME) - int(start) / float(os.sysconf("SC_CLK_TCK"))


class Here(object):
    """This host, boot and pid namespace: what an identity is judged from."""

    def __init__(self):
        self.host = host_name()
        self.boot = boot_id()
        self.namespace = namespace()

    def identity(self, pid=None):
        pid = os.getpid() if pid is None else pid
        return {
            "host": self.host,
            "boot": self.boot,
            "ns": self.namespace,
            "pid": pid,
            "start": start_time(pid),
        }

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
    null = subprocess.DEVNULL
    return subprocess.Popen(
        argv,
        stdin=null,
        stdout=null,
        stderr=null,
        env=environment,
        cwd="/",
        close_fds=True,
        start_new_session=True,
    )


def which(program, path):
    """The file that `program` means under this PATH (None: the default one), or None."""
    for folder in [""] if "/" in program else (path or os.defpath).split(os.pathsep):
        found = os.path.join(folder, program)
        if os.path.isfile(found) and os.access(found, os.X_OK):
            return found
    return None


def default_signals():
    """Undoes what the shell that started us left ignored or blocked: programs would inherit it."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in range(1, 32):
        # Python itself ignores SIGPIPE, and subprocess gives it back.
        if number != signal.SIGPIPE and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def set_title(name):
    """The short name that `ps` and `top` show; a nicety, so it may fail."""
    try:
        ctypes.CDLL(None, use_errno=True).prctl(15, name.encode("ascii"), 0, 0, 0)
    except (OSError, AttributeError):
        pass


def send(pid, number):
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


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
            if needle in read_bytes("/proc/%s/environ" % entry).split(b"\0"):
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


_PAUSES = dict(wish.partition(":")[::2] for wish in os.environ.get("NERONET_PAUSE", "").split(","))


def pause(step):
    """Fault tests stop processes at named steps of an attempt's life: NERONET_PAUSE=step:seconds[:file][,...].

    With a file only the first one stops that comes there: it makes the file and writes its pid into it.
    """
    seconds, _, path = _PAUSES.get(step, "").partition(":")
    if seconds:
        try:
            if path:
                with open(path, "x") as file:
                    file.write(str(os.getpid()))
        except FileExistsError:
            return
        time.sleep(float(seconds))


def agent_argv(*arguments):
    """The command line that starts this very agent again, from its compiled archive where there is one."""
    fast = compiled(sys.argv[0])
    return [sys.executable, "-I", "-S", fast if os.path.exists(fast) else sys.argv[0]] + list(arguments)


def compiled(archive):
    """Where the compiled archive of an agent lies, see compiled.py."""
    return "%s.%s.pyz" % (archive[: -len(".pyz")], sys.implementation.cache_tag)
