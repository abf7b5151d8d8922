"""`completion`: scripts that let a shell complete commands, options, experiments, nodes and runs.

The scripts hand all words typed so far to `nerocli _words`, which answers with what fits, a line each; it
reads the database and asks no node.  Names of runs hold whatever the parameters hold, so the scripts must
never let the shell expand what they are given: bash's `compgen -W` would run a `$(...)` in it.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence

from neronet.cli.session import Session
from neronet.cli.verbs import VERBS
from neronet.errors import InputError

NEWEST = 500  # runs whose names a shell is given

SCRIPTS = {
    "bash": r"""
_nerocli() {
    # bash splits words at = : and @ too, which names of runs hold: take the line apart at blanks only.
    local line="${COMP_LINE:0:COMP_POINT}" found quoted kept
    local -a words
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local word="${words[-1]}"
    kept="${word%"${word##*[=:@]}"}"
    COMPREPLY=()
    while IFS= read -r found; do
        printf -v quoted %q "$found"
        COMPREPLY+=("${quoted#"$kept"}")
    done < <(nerocli _words "${words[@]:1}" 2>/dev/null)
}
complete -o default -F _nerocli nerocli
""",
    "zsh": r"""
_nerocli() {
    local -a found
    found=("${(@f)$(nerocli _words "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n $found[1] ]]; then compadd -a found; else _files; fi
}
compdef _nerocli nerocli
""",
    "fish": r"""
function __nerocli_words
    set -l words (commandline -opc) (commandline -ct)
    nerocli _words $words[2..-1] 2>/dev/null
end
complete -c nerocli -f -a '(__nerocli_words)'
complete -c nerocli -F -n '__fish_seen_subcommand_from preview addexp submit template'
""",
}


def completion(arguments: Namespace, session: Session) -> None:
    if arguments.shell not in SCRIPTS:
        raise InputError(f"no completion for {arguments.shell!r}", f"one of: {', '.join(SCRIPTS)}")
    session.console.raw(SCRIPTS[arguments.shell].lstrip())


def words(typed: Sequence[str], session: Session) -> None:
    """What fits the last of the words typed after `nerocli`, a line each."""
    *before, word = typed or ("",)
    if before:
        found = _arguments(before[0].lstrip("-"), session)
    else:
        dashes = word[: len(word) - len(word.lstrip("-"))]
        found = (dashes + name for name in VERBS)
    for each in found:
        # One candidate is one line, and none may move the cursor: such names have no completion.
        if each.startswith(word) and each.isprintable():
            session.console.raw(each + "\n")


def _arguments(name: str, session: Session) -> Iterator[str]:
    if name not in VERBS:
        return
    kinds = set()
    for argument in VERBS[name].arguments:
        kinds.add(argument.kind)
        yield from (flag for flag in argument.names if flag.startswith("-"))
    if kinds & {"experiment", "target", "any"}:
        experiments = session.neroman.experiments()
        yield from (experiment.id for experiment in experiments)
        if "experiment" not in kinds:
            yield from dict.fromkeys(name for experiment in experiments for name in experiment.collection)
    if name == "submit" or kinds & {"node", "any"}:
        nodes = session.neroman.nodes()
        yield from (node.id for node in nodes)
        if "node" not in kinds:
            yield from dict.fromkeys(group for node in nodes for group in node.groups)
    if kinds & {"run", "target", "any"}:
        yield from (row.name for row in session.neroman.runs().rows()[-NEWEST:])
