"""The few lines of sh that stand around a program.

`start` is created by whoever may run the program, exclusively, so an attempt is
never run twice.  The exit status goes into the file that was filled with blanks
before, in place.  The traps do nothing but are not ignored signals, which the
program would inherit.  The program is exec'ed in a subshell: a name like `echo`
or `exit` must not be taken for the shell's own command.
"""

import hashlib
import os

from neronet.node.runs import write_atomic

SCRIPT = b"""\
d=$1 b=$2 k=$3
shift 3
w=$NERONET_WAKE
unset NERONET_WAKE
read -r s </proc/$$/stat
set -C
echo "$b $s" 2>/dev/null >"$d/start" || exit 0
set +C
trap : TERM INT HUP
cd "$d/work" || exit 0
(exec "$@") </dev/null >>"$d/stdout.log" 2>>"$d/stderr.log"
printf %s $? 1<>"$d/exit"
kill -0 "$k" 2>/dev/null || eval "$w"
"""

# Setup lines run in the program's own shell, one by one; the number of the one that failed is left in a file.
SETUP = """\
f=$NERONET_SETUP_FAILED; unset NERONET_SETUP_FAILED
%s
exec "$@"
"""


def script_path(root):
    """Where the wrapper lies on this node; written when it is not there yet."""
    path = os.path.join(root.path, "agent", "run-%s.sh" % hashlib.sha256(SCRIPT).hexdigest()[:12])
    if not os.path.exists(path):
        write_atomic(path, SCRIPT)
    return path


def with_setup(argv, lines, shell):
    """The argv that runs the setup lines first; `shell` is a bash where there is one, else sh."""
    steps = "\n".join(
        "eval %s || { r=$?; echo %d >\"$f\"; exit $r; }" % (quote(line), number)
        for number, line in enumerate(lines, 1)
    )
    return [shell, "-l", "-c", SETUP % steps, "sh"] + argv


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"
