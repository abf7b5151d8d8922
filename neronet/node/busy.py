"""Which folders of logs grow so fast that looking at them costs less than being told."""

from neronet.node.inotify import BATCH, REST, SAFETY, rest_after


class Busy(object):
    """Folders of logs that grow all the time: events would cost their programs much, so they are looked at instead."""

    def __init__(self, watch):
        self._watch = watch
        self._told = {}  # folder -> (when an event told of it last, how much had been read)
        self._looks = {}  # busy folder -> (when it is to be looked at, how much had been read)

    def told(self, folder, read, now):
        """An event came; `read` bytes of these logs were read before."""
        before, had = self._told.get(folder, (-SAFETY, read))
        self._told[folder] = now, read
        if folder not in self._looks and (now - before < 2 * REST or read - had >= BATCH):
            self._looks[folder] = now + REST, read
            self._watch.let_go(folder)

    def due(self, now):
        """Folders that are to be looked at."""
        return [folder for folder, (moment, _) in self._looks.items() if now >= moment]

    def looked(self, folder, read, now):
        """A busy folder is being looked at; `read` tells what the looks before have found."""
        had = self._looks[folder][1]
        if read == had:
            del self._looks[folder]
            self._watch.heed(folder)
        else:
            self._looks[folder] = now + rest_after(read - had), read

    def patience(self, now):
        return min((moment - now for moment, _ in self._looks.values()), default=SAFETY)

    def forget(self, folder):
        self._told.pop(folder, None)
        self._looks.pop(folder, None)
