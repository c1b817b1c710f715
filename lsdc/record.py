"""Versions, machine, commit, memory and data of a run: what is needed to trace a figure and to make it again."""

import os
import platform
import re
import resource
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import lsdc

PACKAGES = ("torch", "torchvision", "timm", "ultralytics", "lightning", "albumentations", "pydicom", "numpy",
            "pandas", "opencv-python", "scikit-learn")


def data_fingerprint(data: Path) -> str:
    """sha256 over the competition folder's csv files (names and bytes)."""
    digest = sha256()
    for path in sorted(path for path in Path(data).glob("*.csv") if path.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def environment() -> dict:
    """Versions, machine and commit, for the record of a run."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "lsdc": lsdc.__version__, "commit": commit(), "python": platform.python_version(),
        "system": platform.system(), "processor": processor(), "cores": os.cpu_count(),
        "packages": versions, "command": " ".join(Path(part).name if i == 0 else part
                                                  for i, part in enumerate(sys.argv)),
    }


def processor() -> str:
    """Architecture and, where /proc tells it, the model: figures of two models are not those of one machine."""
    with suppress(OSError, UnicodeDecodeError):
        if found := re.search(r"^model name\s*:\s*(\S.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE):
            return f"{' '.join(found[1].split())}, {platform.machine()}"
    return platform.machine()


def commit() -> str | None:
    """The commit of this checkout, with "+changes" when code or configs differ from it; None outside a checkout."""
    here = Path(lsdc.__file__).parent
    looked_at = ["status", "--porcelain", "--", str(here), str(here.parent / "configs")]
    try:
        told = [subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, check=True).stdout  # noqa: S603, S607 # nosec B607
                for words in (["rev-parse", "--short=12", "HEAD"], looked_at)]
    except (OSError, subprocess.CalledProcessError):
        return None
    return told[0].strip() + ("+changes" if told[1].strip() else "")


def peak_memory_gb() -> float:
    """Largest resident memory so far of this program or of its largest finished child, in GB.

    On Linux ru_maxrss of this process would count what the parent held when it started, so the kernel's own mark is
    read there.
    """
    unit = 1e9 if sys.platform == "darwin" else 1e6  # ru_maxrss: bytes there, kilobytes elsewhere
    own = _mark_gb(os.getpid()) or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit)


def memory_of_processes_gb(pids: Iterable[int]) -> float:
    """Sum of the largest resident memories so far of this process, those named and their descendants, in GB.

    Pages that processes share count in each, so that it is an upper bound. 0 where there is no /proc.
    """
    return sum(_mark_gb(pid) for pid in {os.getpid(), *(one for pid in pids for one in family(pid))})


def family(pid: int) -> list[int]:
    """A process and its living descendants."""
    found, todo = [], [pid]
    while todo:
        found.append(one := todo.pop())
        try:
            todo += [int(word) for task in Path(f"/proc/{one}/task").iterdir()
                     for word in (task / "children").read_text().split()]
        except OSError:  # ended meanwhile, or no /proc
            continue
    return found


def _mark_gb(pid: int) -> float:
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1e6 if found else 0.0
