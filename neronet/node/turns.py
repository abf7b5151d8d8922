"""Two threads that take turns: one starts programs, the other, which is niced, watches those that last.

Niceness is each thread's own, and goes on to what the thread starts: programs, and other kids, are to have none of
ours.  Runs that are over at once never meet the second thread, so they cost no turn.
"""

import os
import queue
import signal
import threading

NICENESS = 5
_Queue = getattr(queue, "SimpleQueue", queue.Queue)  # Python 3.6 has only the slow one


class Turns(object):
    def __init__(self):
        self._asked, self._answers = _Queue(), _Queue()

    def begin(self, function):
        """Calls `function` in a new thread, and `calmly`'s functions in this one, until it returns; its result."""
        threading.Thread(target=lambda: self._asked.put((None, _outcome(function))), daemon=True).start()
        os.nice(NICENESS)
        while True:
            # The ends of short runs are none of this thread's business: it need not wake for each.
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
            function, outcome = self._asked.get()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            if function is None:
                return _result(outcome)
            self._answers.put(_outcome(function))

    def calmly(self, function):
        """The result of `function`, called by the niced thread; for the other one."""
        self._asked.put((function, None))
        return _result(self._answers.get())


def _outcome(function):
    try:
        return function(), None
    except BaseException as error:
        return None, error


def _result(outcome):
    value, error = outcome
    if error is not None:
        raise error
    return value
