"""Commands of a scheduler: any may fail, be killed, or take for ever."""

import subprocess

# The user's own filters and formats of what Slurm prints must not count.
NOT_FOR_THEM = ("SQUEUE_", "SBATCH_", "SINFO_")


def run(argv, login, folder, patience):
    """(status, stdout, stderr); status None: it was killed, or did not end within `patience` seconds.

    login: the environment of the login shell, which tells where the scheduler is.
    """
    variables = {name: value for name, value in login.items() if not name.startswith(NOT_FOR_THEM)}
    variables["LC_ALL"] = "C"
    try:
        done = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=variables, cwd=folder)  # fmt: skip
    except OSError as error:
        return 127, "", "%s: %s" % (argv[0], error.strerror)
    try:
        out, err = done.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        done.kill()
        done.communicate()
        return None, "", "%s does not answer" % argv[0]
    status = done.returncode if done.returncode >= 0 else None
    return status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
