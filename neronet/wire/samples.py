"""What a watcher measures of a run, beside what the run prints: points of a stream and with names of their own."""

STREAM = 3
PREFIX = "node."
CPU, CPU_MEAN, LOAD = (
    "node.cpu",
    "node.cpu_mean",
    "node.load",
)  # cores, since the last sample and since the start
MEMORY, PEAK = "node.memory", "node.memory_peak"  # bytes
GPU, GPU_MEMORY = "node.gpu", "node.gpu_memory"  # GPUs, bytes
NAMES = (CPU, CPU_MEAN, MEMORY, PEAK, LOAD, GPU, GPU_MEMORY)

FIRST, MOST = 1.0, 30.0  # seconds: when the first sample is taken, and between two of a long run


def is_sample(name):
    """Whether a metric is one that Neronet measures: shown where it is asked for by name, not among the results."""
    return name.startswith(PREFIX)


def next_at(elapsed):
    """When the next sample is due, `elapsed` seconds after the start: 1, 2, 3, 4.5, 6.8, 10, ... then each half a minute."""
    return elapsed + min(MOST, max(FIRST, elapsed / 2.0))
