"""What all readers share: their limits, how they see a line, and their points of named numbers."""

from neronet.wire.printed import is_metric, plain, text_of

MAX_COLUMNS = 1000
MAX_TEXT = 4096  # bytes of a line that patterns and pairs are looked for in
MAX_OBJECT = 64 * 1024  # bytes of a line that is read as an object


class Reader(object):
    state = None
    carries = False

    def resume(self, state):
        """Goes on where a reader with this `state` ended."""

    def finish(self):
        return []


class Named(Reader):
    """Gives points of (name, number) pairs, where one of them may be the step."""

    def __init__(self, words):
        names, self._step = columns(words)
        self._wanted = frozenset(names)

    def _pairs(self, pairs):
        step, found = None, []
        for name, value in pairs:
            if name.lower() == self._step:
                step = finite(value)
            elif not self._wanted or name in self._wanted:
                found.append((name, value))
        return [(name, value, step) for name, value in found]


def columns(words):
    """(names, name of the step in small letters) of the words after a reader."""
    steps = [word[len("step=") :] for word in words if word.startswith("step=")]
    names = [word for word in words if not word.startswith("step=")]
    for name in names:
        if not is_metric(name):
            raise ValueError("%r cannot be the name of a metric" % name[:60])
    if len(steps) > 1 or "" in steps:
        raise ValueError("step= names one column, as in step=epoch")
    return names, (steps or ["step"])[0].lower()


def finite(value):
    """A number that can be a step, else None."""
    return value if value is not None and abs(value) < 1e300 else None


def text_within(line, limit):
    """The first `limit` bytes of a line without its colours, as text."""
    return cut(plain(line), limit)


def cut(line, limit):
    """The same with its colours."""
    return text_of(line) if len(line) <= limit else line[:limit].decode("utf-8", "replace")
