"""The few lines of sh that stand around a program.

`start` is created by whoever may run the program, exclusively, so an attempt is
never run twice; where the disk is too full to say in it who that is, the program
does not run yet.  The exit status goes into the file that was filled with blanks
before, in place.  The traps do nothing but are not ignored signals, which the
program would inherit.  The program is exec'ed in a subshell: a name like `echo`
or `exit` must not be taken for the shell's own command.  A watcher (pid k, start
time t) that is dead at the end is replaced.
"""

import binascii
import os

from neronet.node.runs import write_atomic

SCRIPT = b"""\
d=$1 b=$2 k=$3 t=$4
shift 4
w=$NERONET_WAKE
unset NERONET_WAKE
read -r s </proc/$$/stat
set -C
printf "" >"$d/start" || exit 0
set +C
echo "$b $s" >"$d/start" || { rm -f "$d/start"; exit 0; }
trap : TERM INT HUP
cd "$d/work" || exit 0
(exec "$@") </dev/null >>"$d/stdout.log" 2>>"$d/stderr.log"
r=$?
until printf %s $r 1<>"$d/exit" || ! [ -d "$d" ]; do sleep 1; done
s=
{ read -r s </proc/$k/stat; } 2>/dev/null
case $s in
*") "[!ZX]" "*" $t "*) ;;
*) unset NERONET_RUN NERONET_POINTS LD_PRELOAD; eval "$w" ;;
esac
"""

# Setup lines run in the program's own shell, one by one; the number of the one that failed is left in a file.
SETUP = """\
neronet_failed=$NERONET_SETUP_FAILED; unset NERONET_SETUP_FAILED
%s
unset neronet_failed
exec "$@"
"""


def script_path(root):
    """Where the wrapper lies on this node; written when it is not there yet."""
    path = os.path.join(root.path, "agent", "run-%08x.sh" % (binascii.crc32(SCRIPT) & 0xFFFFFFFF))
    if not os.path.exists(path):
        write_atomic(path, SCRIPT)
    return path


def with_setup(argv, lines, shell):
    """The argv that runs the setup lines first; `shell` is a bash where there is one, else sh."""
    steps = "\n".join(
        "eval %s || { neronet_status=$?; echo %d >\"$neronet_failed\"; exit $neronet_status; }" % (quote(line), number)
        for number, line in enumerate(lines, 1)
    )
    return [shell, "-l", "-c", SETUP % steps, "sh"] + argv


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"
