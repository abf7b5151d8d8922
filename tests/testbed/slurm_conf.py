"""The settings of a test's Slurm cluster, and the slurm.conf that says them.

Every path here is one inside a node: /etc, /run and /srv are each node's own (see image.py), so the same
file serves all nodes, and several clusters on one machine share no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.testbed.image import Options

if TYPE_CHECKING:
    from tests.testbed.nodes import Node

FOLDER = "/srv/slurm"  # outlives a power cut, as /var of a real machine does
LOG = f"{FOLDER}/log"
PID_FILE = "/run/{}.pid"  # of slurmctld, slurmd and munged
GPU = "/srv/gpu"

# Jobs of `scavenge` are put back into the queue when one of `urgent` needs their place; no other partition
# disturbs another.
PARTITIONS = (
    "debug Default=YES PriorityTier=1 PreemptMode=OFF",
    "scavenge PriorityTier=1 PreemptMode=REQUEUE",
    "urgent PriorityTier=100 PreemptMode=OFF",
)


@dataclass(frozen=True)
class Settings:
    """How a cluster differs from a plain one."""

    nodes: int = 2  # compute nodes, named c1, c2, ...
    cpus: int = 4  # what each claims to have; more than the machine has is fine
    memory: int = 4000  # MB
    gpus: int = 0
    partitions: tuple[str, ...] = PARTITIONS
    min_job_age: int = 300  # seconds for which Slurm still knows a job that has ended
    max_array: int = 1001  # the highest index is one less
    kill_over_memory: bool = False  # a job that uses more than its --mem is killed, a second later
    message_timeout: int = 5  # seconds after which a client gives up a controller that does not answer
    node_timeout: int = 3  # seconds of silence after which a node counts as down
    requeue_delay: int = 5  # seconds before a requeued job may start again; Slurm takes no less
    more: tuple[str, ...] = ()  # more lines of slurm.conf; they come last, so they win
    like: Options = field(
        default_factory=Options
    )  # what its nodes are besides: login shell, start-up file, python


def slurm_conf(settings: Settings, login: Node, nodes: Sequence[Node], ports: dict[str, int]) -> str:
    """The text of slurm.conf; `ports` are those of slurmctld (by the login node's name) and of each slurmd."""
    gres = f" Gres=gpu:fake:{settings.gpus}" if settings.gpus else ""
    size = f"CPUs={settings.cpus} RealMemory={settings.memory}{gres} State=UNKNOWN"
    lines = [
        "ClusterName=testbed",
        f"SlurmctldHost={login.name}({login.address})",
        f"SlurmctldPort={ports[login.name]}",
        "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny",  # listen on the lab's addresses alone
        "SlurmUser=root",
        "AuthType=auth/munge",
        f"AuthInfo=cred_expire={settings.requeue_delay}",
        f"StateSaveLocation={FOLDER}/state",
        f"SlurmdSpoolDir={FOLDER}/spool",
        f"SlurmctldLogFile={LOG}",
        f"SlurmdLogFile={LOG}",
        f"SlurmctldPidFile={PID_FILE.format('slurmctld')}",
        f"SlurmdPidFile={PID_FILE.format('slurmd')}",
        # no cgroups, no systemd, no mail
        "ProctrackType=proctrack/linuxproc",
        "TaskPlugin=task/none",
        "MpiDefault=none",
        "MailProg=/bin/true",
        "JobAcctGatherType=jobacct_gather/linux",
        "JobAcctGatherFrequency=task=1",
        *(["JobAcctGatherParams=OverMemoryKill"] if settings.kill_over_memory else []),
        "AccountingStorageType=accounting_storage/none",
        "SlurmdParameters=config_overrides",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_CPU_Memory",
        "DefMemPerCPU=100",
        "GresTypes=gpu",
        "PropagateResourceLimits=NONE",
        f"MaxArraySize={settings.max_array}",
        f"MaxJobCount={max(10_000, 2 * settings.max_array)}",
        f"MinJobAge={settings.min_job_age}",
        "PreemptType=preempt/partition_prio",
        "PreemptMode=REQUEUE",
        "SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1",
        # what goes wrong is noticed within seconds
        f"MessageTimeout={settings.message_timeout}",
        f"SlurmdTimeout={settings.node_timeout}",
        "SlurmctldTimeout=5",
        "BatchStartTimeout=10",
        "KillWait=2",
        "UnkillableStepTimeout=20",
        "ReturnToService=2",
    ]
    lines += [f"NodeName={n.name} NodeAddr={n.address} Port={ports[n.name]} {size}" for n in nodes]
    lines += [f"PartitionName={p} Nodes=ALL MaxTime=INFINITE DefaultTime=10" for p in settings.partitions]
    return "\n".join([*lines, *settings.more, ""])


def gres_conf(settings: Settings) -> str:
    """The text of gres.conf: GPUs are character devices of the node's own, so jobs get CUDA_VISIBLE_DEVICES."""
    return f"Name=gpu Type=fake File={GPU}[0-{settings.gpus - 1}]\n" if settings.gpus else ""
