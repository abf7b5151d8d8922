"""The house."""

from __future__ import annotations

from neronet.cli.verbs.verb import JSON, Verb, flag, positional

VERBS: tuple[Verb, ...] = (
    Verb(
        "engine",
        "the background process that talks to the nodes",
        "housekeeping",
        (positional("ACTION", "start, stop or status", nargs="?"),),
        about="It starts when it is needed and ends when there is nothing to do. Runs never need it.",
        examples=("nerocli engine status",),
        then=("nerocli status",),
    ),
    Verb(
        "notify",
        "who is told when something happens, and whether that works",
        "notify",
        (positional("ACTION", "test (sends a message to all) or status", nargs="?"), JSON),
        about="Whom to tell, of what and how stands in preferences.yaml, under notify.",
        examples=("nerocli notify test", "nerocli notify status"),
        then=("nerocli engine start    it tells you also after you have logged out",),
    ),
    Verb(
        "tidy",
        "remove from the nodes what has been fetched and is done",
        "housekeeping",
        examples=("nerocli tidy",),
        then=("nerocli status nodes",),
    ),
    Verb(
        "clean",
        "remove all of Neronet's data from this machine",
        "housekeeping",
        (flag("--yes", text="do not ask"),),
        about="Your experiment folders stay as they are.",
        examples=("nerocli clean",),
        then=("nerocli addnode ID ADDRESS    begin anew",),
    ),
    Verb(
        "completion",
        "let the shell complete commands, names and options",
        "completion",
        (positional("SHELL", "bash, zsh or fish"),),
        about=(
            'bash: add to ~/.bashrc                    eval "$(nerocli completion bash)"\n'
            'zsh:  add to ~/.zshrc, after compinit     eval "$(nerocli completion zsh)"\n'
            "fish: add to ~/.config/fish/config.fish   nerocli completion fish | source"
        ),
        examples=("nerocli completion bash",),
        then=("open a new terminal and press Tab after: nerocli su",),
    ),
)
