"""The house."""

from __future__ import annotations

from neronet.cli.verbs.verb import Verb, flag, positional

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
