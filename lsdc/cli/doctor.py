"""What this machine has and what is missing, with the remedy."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lsdc.config import cache_root, runs_root
from lsdc.progress import track

NEEDED = {  # module that is imported -> distribution
    "torch": "torch", "torchvision": "torchvision", "timm": "timm", "cv2": "opencv-python", "pydicom": "pydicom",
    "numpy": "numpy", "pandas": "pandas", "pydantic": "pydantic", "safetensors": "safetensors", "PIL.Image": "pillow",
    "yaml": "pyyaml", "click": "click", "filelock": "filelock", "tqdm": "tqdm", "tabulate": "tabulate",
}
FOR_TRAINING = {
    "ultralytics": "ultralytics", "lightning.pytorch": "lightning", "albumentations": "albumentations",
    "iterstrat.ml_stratifiers": "iterative-stratification", "sklearn": "scikit-learn", "scipy": "scipy",
    "matplotlib": "matplotlib", "jinja2": "jinja2", "gdcm": "python-gdcm", "torch.utils.tensorboard": "tensorboard",
}
FOR_BUNDLES = {
    "build": "build", "ipykernel": "ipykernel", "nbclient": "nbclient", "nbformat": "nbformat",
    "packaging": "packaging", "setuptools": "setuptools",
}
FOR_TASKS = {"submitit": "submitit"}
AT_ONCE, IMPORT_SECONDS = 2, 300  # processes; a first import from a slow disk takes more than a minute
ROOM_GIGABYTES, MEMORY_GIGABYTES = 6, 6


@dataclass(frozen=True)
class Finding:
    """One thing looked at. fault is None when all is well; remedy says what to do."""

    what: str
    found: str
    fault: bool = False
    fatal: bool = False
    remedy: str = ""

    @property
    def line(self) -> str:
        mark = "FAIL" if self.fatal else "warn" if self.fault else "ok"
        return f"{mark:<5}{self.what:<26}{self.found}" + (f"\n     to do: {self.remedy}" if self.remedy else "")


def examine(data: Path | None, *, deep: bool) -> list[Finding]:
    """Look at Python, packages, processor, memory, disk, GPU, folders and the data, in this order.

    deep: import the packages of training and of bundles too, which takes a minute; else they are only looked for.
    """
    findings = [_python(), *_packages(deep), _processor(), _memory(), _gpu()]
    findings += [_room(name, root) for name, root in (("runs", runs_root()), ("cache", cache_root()))]
    return [*findings, _data(data)]


def _python() -> Finding:
    good = (3, 11) <= sys.version_info < (3, 14)
    return Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}", fatal=not good,
                   remedy="" if good else "use Python 3.11 to 3.13: make clean, then make PYTHON=python3.12 setup")


def _packages(deep: bool) -> list[Finding]:
    """Packages that inference needs are imported here, all others, if at all, each in a process of its own.

    They take long to import, some write settings or look for a network, and a broken one may take its process along.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    findings = [_package(name, distribution, importlib.import_module) for name, distribution in NEEDED.items()]
    optional = FOR_TRAINING | FOR_BUNDLES | FOR_TASKS
    if not deep:
        return findings + [_package(name, distribution, _find) for name, distribution in optional.items()]
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(AT_ONCE) as pool:
        def look(name: str) -> Finding:
            return _package(name, optional[name], lambda name: _import_apart(name, scratch))

        looked = track(pool.map(look, optional), "import optional packages", len(optional))
        return findings + list(looked)


def _package(name: str, distribution: str, load: Callable[[str], object]) -> Finding:
    """Whether the distribution is installed and `load` imports its module; any error of the import is a fault."""
    try:
        version = metadata.version(distribution)
        load(name)
    except metadata.PackageNotFoundError:
        fault = "not installed"
    except Exception as error:  # a broken package raises what it likes
        fault = f"{version} cannot be imported: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    else:
        return Finding(distribution, version)
    fatal = name in NEEDED
    if any(library in fault for library in ("libGL", "libgthread", "libglib")):
        remedy = "OpenCV needs system libraries. On Debian or Ubuntu: apt-get install libgl1 libglib2.0-0"
    else:
        remedy = "make setup" if fault == "not installed" else "install it again: make clean, then make setup"
        by = ("making and verifying bundles" if name in FOR_BUNDLES else
              "launching tasks" if name in FOR_TASKS else "training")
        remedy += "" if fatal else f" ({by} needs it; inference does not)"
    return Finding(distribution, fault, fault=True, fatal=fatal, remedy=remedy)


def _find(name: str) -> None:
    """ImportError unless the package of a module is there; nothing of it is run."""
    package = name.partition(".")[0]
    if importlib.util.find_spec(package) is None:
        raise ImportError(f"No module named {package!r}")


def _import_apart(name: str, scratch: str) -> None:
    """Import a module in a new process without a network, settings and caches in `scratch`; ImportError if it fails."""
    environment = os.environ | {
        "YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_CONFIG_DIR": scratch, "MPLCONFIGDIR": scratch,
        "NO_ALBUMENTATIONS_UPDATE": "1", "HF_HUB_OFFLINE": "1", "XDG_CACHE_HOME": scratch,
    }
    try:
        told = subprocess.run([sys.executable, "-c", f"import {name}"], env=environment, stdin=subprocess.DEVNULL,  # noqa: S603
                              capture_output=True, text=True, errors="replace", timeout=IMPORT_SECONDS)
    except subprocess.TimeoutExpired:
        raise ImportError(f"not done after {IMPORT_SECONDS} s") from None
    if told.returncode:
        said = told.stderr.strip().splitlines() if told.returncode > 0 else []
        raise ImportError(said[-1] if said else f"its process ended with {told.returncode}")


def _processor() -> Finding:
    return Finding("processor", f"{os.cpu_count()} cores")


def _memory() -> Finding:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return Finding("memory", "unknown on this system")
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    short = size < MEMORY_GIGABYTES
    return Finding("memory", f"{size:.0f} GB", fault=short,
                   remedy=f"the default run wants {MEMORY_GIGABYTES} GB; lower training.batch_size" if short else "")


def _gpu() -> Finding:
    try:
        import torch

        from lsdc.device import gpu_fault
    except (ImportError, OSError):
        return Finding("gpu", "not looked at: torch cannot be imported", fault=True)
    fault = gpu_fault()
    if fault is None:
        memory = torch.cuda.get_device_properties(0).total_memory / 1e9
        return Finding("gpu", f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}, {memory:.0f} GB")
    if torch.cuda.is_available():
        return Finding("gpu", f"present but unusable: {fault}", fault=True,
                       remedy="install a torch build with kernels for this card; until then the CPU is used")
    return Finding("gpu", "none; the CPU is used (the default config takes minutes on it)")


def _room(name: str, root: Path) -> Finding:
    place = root.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    if not (place.is_dir() and os.access(place, os.W_OK)):
        return Finding(name, f"{root}: no permission to write", fault=True, fatal=True,
                       remedy=f"move it with LSDC_{name.upper()} (make {name.upper()}=...)")
    short = free < ROOM_GIGABYTES
    return Finding(name, f"{root}: {free:.0f} GB free", fault=short,
                   remedy=f"free some space, or move it with LSDC_{name.upper()}" if short else "")


def _data(data: Path | None) -> Finding:
    if data is None:
        return Finding("data", "none given: the phantom stands in (LSDC_DATA or DATA= names a competition folder)")
    from lsdc.competition import open_folder
    from lsdc.errors import DataError

    try:
        folder = open_folder(data)
    except DataError as error:
        found = f"{data}: {error.problem}" + (f"\n     {error.got}" if error.got else "")
        return Finding("data", found, fault=True, fatal=True, remedy=error.remedy or "")
    studies = {part: len(folder.study_ids(part)) for part in ("train", "test")}
    return Finding("data", f"{data}: {studies['train']} training and {studies['test']} test studies")
