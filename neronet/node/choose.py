"""Which run may start next on this host: pure decisions over what is taken and what waits."""


class Limits(object):
    """What may be taken at once on a host: slots, cpus, gpus (a list of indices), memory in bytes (None: not counted)."""

    def __init__(self, slots, cpus, gpus, memory):
        self.slots, self.cpus, self.gpus, self.memory = slots, cpus, gpus, memory


def limits(place, facts):
    """The limits of an entry of nodes.yaml on a host with these facts ({"cores", "memory", "gpus": [index, ...]})."""
    gpus = place.get("gpus")
    if gpus is None:
        gpus = list(facts["gpus"])
    elif isinstance(gpus, int):
        gpus = list(range(gpus))
    slots = place.get("slots") or len(gpus) or facts["cores"]
    return Limits(slots, max(facts["cores"], slots), gpus, place.get("memory") or facts["memory"])


def needs(spec, limit):
    """What a run of this batch takes: {"cpus", "gpus", "memory"}; on a node with GPUs one of them, unless it says."""
    gpus = spec.get("gpus")
    return {
        "cpus": spec.get("cpus") or 1,
        "gpus": (1 if limit.gpus else 0) if gpus is None else gpus,
        "memory": spec.get("memory") or 0,
    }


def never_fits(need, limit):
    """Why a run can never start here, or ""."""
    for word, has in (("cpus", limit.cpus), ("gpus", len(limit.gpus)), ("memory", limit.memory)):
        if has is not None and need[word] > has:
            return "asks for %s %s, the node has %s" % (_amount(word, need[word]), word, _amount(word, has))
    return ""


def _amount(word, number):
    return "%.1f GiB" % (number / 1024.0**3) if word == "memory" else str(number)


def fits(need, taken, limit, busy_gpus=()):
    """The GPU indices that a run gets when it may start now, else None.

    taken: what open attempts hold, [{"cpus", "gpus": [index, ...], "memory"}, ...].
    """
    if len(taken) >= limit.slots:
        return None
    if sum(item["cpus"] for item in taken) + need["cpus"] > limit.cpus:
        return None
    memory = sum(item["memory"] for item in taken) + need["memory"]
    if need["memory"] and limit.memory is not None and memory > limit.memory:
        return None
    used = set(busy_gpus)
    for item in taken:
        used.update(item["gpus"])
    free = [gpu for gpu in limit.gpus if gpu not in used]
    return free[: need["gpus"]] if len(free) >= need["gpus"] else None


def order(batches):
    """Batches in the order in which their runs start: higher priority first, then the older submission."""
    return sorted(batches, key=lambda batch: (-batch.priority, batch.spec["created"], batch.token))
