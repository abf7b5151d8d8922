"""The machines."""

from __future__ import annotations

from neronet.cli.verbs.verb import JSON, Verb, flag, positional, value

VERBS: tuple[Verb, ...] = (
    Verb(
        "addnode",
        "let Neronet know a machine you reach by SSH",
        "nodes",
        (
            positional("ID", "what you want to call it"),
            positional("ADDRESS", "host, user@host, host:port or an alias of ~/.ssh/config"),
            value("--type", metavar="TYPE", text="direct (default), local, slurm, gridengine, pbs or lsf"),
            value(
                "--slots",
                metavar="N",
                type=int,
                text="how many runs at a time (default: its cores or GPUs)",
            ),
            value("--gpus", metavar="N", type=int, text="how many of its GPUs may be used"),
            value("--memory", metavar="SIZE", text="how much of its memory may be used: 16GB"),
            value("--root", metavar="FOLDER", text="where Neronet may write there (default ~/.neronet)"),
            value("--python", metavar="PROGRAM", text="the python3 to use there (3.6 or newer)"),
            value("--transport", metavar="KIND", text="asyncssh (default), or openssh: your own ssh program"),
            value("--user", metavar="NAME", text="the user name there"),
            value("--port", metavar="N", type=int, text="the port of its SSH server"),
            value("--identity-file", metavar="FILE", text="the private key to log in with"),
            value("--known-hosts", metavar="FILE", text="where its host key is kept"),
        ),
        about="Nothing is installed there; no rights are needed. Your ssh settings and keys apply.",
        examples=(
            "nerocli addnode triton triton.cs.hut.fi",
            "nerocli addnode gpu1 me@gpu1:2222 --slots 4",
        ),
        then=("nerocli submit EXPERIMENT triton",),
    ),
    Verb(
        "delnode",
        "forget a node",
        "nodes",
        (
            positional("ID", "the node", "node"),
            flag("--force", text="also while runs are open there; they go on and are no longer looked at"),
        ),
        examples=("nerocli delnode triton",),
        then=("nerocli status nodes",),
    ),
    Verb(
        "doctor",
        "check the nodes, and say what to do",
        "nodes",
        (positional("NODE", "only this node", "node", "?"), JSON),
        examples=("nerocli doctor", "nerocli doctor gpu1"),
        then=("nerocli submit EXPERIMENT NODE",),
    ),
    Verb(
        "recover",
        "rebuild what is known of a node's runs from the node",
        "nodes",
        (positional("NODE", "the node", "node"),),
        about="For when the database on this machine was lost: the nodes know what they ran.",
        examples=("nerocli recover triton",),
        then=("nerocli status",),
    ),
)
