"""How long a process and all that it starts run, and how much memory they hold together."""

import threading
import time
from pathlib import Path

from lsdc.record import family

EVERY_SECONDS = 0.25


class Watch:
    """As a context: seconds, and the largest sum of resident memory of a process and its descendants seen in between.

    peak_gb is None where there is no /proc. Pages that processes share count once where the kernel tells them apart
    (PSS); what rises and falls within a quarter of a second may be missed.
    """

    def __init__(self, pid: int):
        self.pid, self.seconds, self.peak_gb = pid, 0.0, None
        self._done, self._thread = threading.Event(), threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.seconds = time.monotonic() - self._began
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(EVERY_SECONDS):
            if (sizes := [size for pid in family(self.pid) if (size := _held_gb(pid)) is not None]):
                self.peak_gb = max(self.peak_gb or 0.0, sum(sizes))


def _held_gb(pid: int) -> float | None:
    for name, word in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            lines = Path(f"/proc/{pid}/{name}").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(word):
                return int(line.split()[1]) / 1e6
    return None
