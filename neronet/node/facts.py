"""What a node is and has: facts that stay, and its load now."""

import os
import subprocess
import sys
import time

from neronet.node import fresh, procs
from neronet.node.files import FULL, read_json, write_json

GPU_TIMEOUT = 10.0  # seconds that nvidia-smi may take; a sick driver hangs
BUSY_MIB = 64  # GPU memory in use by others from which on a GPU is not free


def cores():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def memory():
    """(total, available) bytes, None where it is not known."""
    found = {}
    for line in procs.read_text("/proc/meminfo").splitlines():
        word, _, rest = line.partition(":")
        fields = rest.split()
        if fields and fields[0].isdigit():
            found[word] = int(fields[0]) * 1024
    return found.get("MemTotal"), found.get("MemAvailable", found.get("MemFree"))


def disk(path):
    """(total, free for this user) bytes of the file system that `path` lies on."""
    status = os.statvfs(path)
    return status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize


def _has(program):
    return procs.which(program, os.environ.get("PATH")) is not None


def query_gpus():
    """[{"index", "name", "memory", "used", "load", "driver"}, ...] from nvidia-smi (bytes, percent); [] where there is
    none."""
    if not _has("nvidia-smi"):
        return []
    try:
        output = subprocess.check_output(
            [
                "nvidia-smi",
                "--query-gpu=index,name,memory.total,memory.used,utilization.gpu,driver_version",
                "--format=csv,noheader,nounits",
            ],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=GPU_TIMEOUT,
        ).decode("utf-8", "replace")
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for line in output.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) in (5, 6) and fields[0].isdigit():
            numbers = [float(field) if field.replace(".", "", 1).isdigit() else 0.0 for field in fields[2:5]]
            found.append(
                {
                    "index": int(fields[0]),
                    "name": fields[1],
                    "memory": int(numbers[0] * 2**20),
                    "used": int(numbers[1] * 2**20),
                    "load": numbers[2],
                }
            )
            if len(fields) == 6:
                found[-1]["driver"] = fields[5]
    return found


def lasting(root, here):
    """Facts that do not change until the next boot, kept below the root; GPUs take long to ask for."""
    path = os.path.join(root.host(here.host), "facts.json")
    try:
        known = read_json(path) or {}
    except ValueError:
        known = {}
    if known.get("boot") != here.boot:
        known = {
            "boot": here.boot,
            "host": here.host,
            "cores": cores(),
            "memory": memory()[0],
            "gpus": query_gpus(),
        }
        try:
            write_json(path, known, sync=False)
        except OSError as error:
            if error.errno not in FULL:
                raise  # where there is no room, they are asked for again
    known["cores"] = cores()  # an affinity or cgroup may differ between logins
    return known


def for_limits(known):
    return {
        "cores": known["cores"],
        "memory": known["memory"],
        "gpus": [gpu["index"] for gpu in known["gpus"]],
    }


def scheduler():
    """The scheduler whose gateway this is, or "": its programs alone may be there on any machine."""
    environ = os.environ
    slurm = [environ.get("SLURM_CONF", ""), "/etc/slurm/slurm.conf", "/etc/slurm-llnl/slurm.conf"]
    slurm += ["/run/slurm/conf/slurm.conf", "/var/spool/slurmd/conf-cache/slurm.conf"]
    cell = (environ.get("SGE_ROOT", "/var/lib/gridengine"), environ.get("SGE_CELL", "default"))
    gridengine = ["/".join(cell) + "/common/act_qmaster"]
    lsf = [environ.get("LSF_ENVDIR", "/etc") + "/lsf.conf"]
    pbs = [environ.get("PBS_CONF_FILE", "/etc/pbs.conf")]
    kinds = [("slurm", "sbatch", slurm), ("lsf", "bsub", lsf), ("pbs", "qsub", pbs)]
    for name, program, files in kinds + [("gridengine", "qsub", gridengine)]:
        found = procs.which(program, environ.get("PATH"))
        # Where it lies tells nothing of whose qsub it is.
        sure = found and not found.startswith("/usr/bin/") and name != "pbs"
        if found and (sure or any(map(os.path.exists, files))):
            return name
    return ""


def hello(root, here):
    """What a node says of itself when somebody connects."""
    total, free = disk(root.path)
    return dict(
        lasting(root, here),
        python="%d.%d.%d" % sys.version_info[:3],
        executable=sys.executable,
        system=os.uname().sysname + " " + os.uname().release,
        root=root.path,
        file_system=fresh.file_system(root.path),
        disk_free=free,
        disk_total=total,
        time=time.time(),
        btime=procs.boot_time(),
        scheduler=scheduler(),
    )


def load(root):
    """Load now: load1 and load15, memory and disk in bytes."""
    one, _, fifteen = os.getloadavg()
    total, free = memory()
    disk_total, disk_free = disk(root.path)
    return {
        "load1": one,
        "load15": fifteen,
        "memory_total": total,
        "memory_free": free,
        "disk_free": disk_free,
        "disk_total": disk_total,
        "time": time.time(),
    }


def busy_gpus(gpus):
    """Indices of GPUs on which others hold memory; ask for it only outside of the lock."""
    return [gpu["index"] for gpu in gpus if gpu["used"] > BUSY_MIB * 2**20]
