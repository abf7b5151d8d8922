"""The few lines of sh that stand around a program.

`start` is created by whoever may run the program, exclusively, so an attempt is
never run twice; where the disk is too full to say in it who that is, the program
does not run yet.  It has no start time in it: to read its own would take this
shell 0.2 ms, and who looks for it later knows it by the mark of the run.

The exit status goes into the file that was filled with blanks before, in place.
The traps do nothing but are not ignored signals, which the program would inherit.
The program is exec'ed in a subshell: a name like `echo` or `exit` must not be
taken for the shell's own command.  What the user or Neronet wants loaded into the
program (LD_PRELOAD) is not loaded into this shell.

The kid that started it may be dead at the end, and its pid a stranger's: it lives
if it holds its journal open.  Else another one is started.
"""

import binascii
import os

from neronet.node.files import write_atomic

# The long names: an exported variable of the user's must not be changed by accident.
SCRIPT = b"""\
neronet_run=$1 neronet_boot=$2 neronet_kid=$3 neronet_journal=$4
shift 4
neronet_wake=$NERONET_WAKE neronet_preload=$NERONET_PRELOAD
unset NERONET_WAKE NERONET_PRELOAD
set -C
{ echo "$neronet_boot $$" || { rm -f "$neronet_run/start"; false; }; } >"$neronet_run/start" || exit 0
set +C
trap : TERM INT HUP
cd "$neronet_run/work" || exit 0
(
[ -z "$neronet_preload" ] || export LD_PRELOAD="$neronet_preload"
exec "$@"
) </dev/null >>"$neronet_run/stdout.log" 2>>"$neronet_run/stderr.log"
neronet_status=$?
until printf %s $neronet_status 1<>"$neronet_run/exit" || ! [ -d "$neronet_run" ]; do sleep 1; done
[ "$neronet_kid" -ef "$neronet_journal" ] && exit 0
unset NERONET_RUN NERONET_POINTS
eval "$neronet_wake"
"""

# Setup lines run in the program's own shell, one by one; the number of the one that failed is left in a file,
# and the environment that they made, where output processors are to have it too.
SETUP = """\
neronet_failed=$NERONET_SETUP_FAILED neronet_environ=$NERONET_SETUP_ENVIRON
unset NERONET_SETUP_FAILED NERONET_SETUP_ENVIRON
%s
if [ -n "$neronet_environ" ]; then
  cat /proc/self/environ >"$neronet_environ.new" && mv -f "$neronet_environ.new" "$neronet_environ" || :
fi
unset neronet_failed neronet_environ
exec "$@"
"""


def script_path(root):
    """Where the wrapper lies on this node."""
    return kept(root, "run", SCRIPT)


def kept(root, kind, script):
    """Where a script (bytes) lies on this node; written when it is not there yet."""
    path = os.path.join(root.path, "agent", "%s-%08x.sh" % (kind, binascii.crc32(script) & 0xFFFFFFFF))
    if not os.path.exists(path):
        write_atomic(path, script)
    return path


def with_setup(argv, lines, shell):
    """The argv that runs the setup lines first; `shell` is a bash where there is one, else sh."""
    steps = "\n".join(
        'eval %s || { neronet_status=$?; echo %d >"$neronet_failed"; exit $neronet_status; }'
        % (quote(line), number)
        for number, line in enumerate(lines, 1)
    )
    return [shell, "-l", "-c", SETUP % steps, "sh"] + argv


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"
