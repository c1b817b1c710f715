"""What the GPUs did meanwhile, as their driver's own program tells it."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import fmean

PROGRAM, EVERY_MS = "nvidia-smi", 200
ASKED = f"--query-gpu=index,utilization.gpu,memory.used --format=csv,noheader,nounits --loop-ms={EVERY_MS}"


@contextmanager
def watched() -> Iterator[dict]:
    """A dict that has, when the block ends, for each GPU that worked in it: busy and memory_gb; none without a GPU.

    busy: mean share of the time with a kernel at work, from the first sample with any to the last; memory_gb: the most
    that was taken on it, by all processes.
    """
    found: dict[str, dict] = {}
    if shutil.which(PROGRAM) is None:
        yield found
        return
    with tempfile.TemporaryFile("w+") as samples:
        process = subprocess.Popen([PROGRAM, *ASKED.split()], stdout=samples, stderr=subprocess.DEVNULL)  # noqa: S603
        try:
            yield found
        finally:
            process.kill()
            process.wait()
            samples.seek(0)
            found |= _summary(samples.read())


def _summary(text: str) -> dict[str, dict]:
    shares: dict[str, list[tuple[float, float]]] = {}
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal():  # the last line may be cut off
            shares.setdefault(parts[0], []).append((int(parts[1]) / 100, int(parts[2]) / 1024))
    told = {}
    for gpu, samples in shares.items():
        at_work = [number for number, (share, _) in enumerate(samples) if share > 0]
        if at_work:
            told[f"cuda:{gpu}"] = {"busy": fmean(share for share, _ in samples[at_work[0]:at_work[-1] + 1]),
                                   "memory_gb": max(memory for _, memory in samples)}
    return told
