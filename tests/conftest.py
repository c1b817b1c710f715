"""The real command line in a place of its own: empty home, guarded network, and where possible no network at all."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from lsdc.config import PhantomSettings
from lsdc.threads import spin_briefly

spin_briefly()
for _name in ("LSDC_DATA", "LSDC_RUNS", "LSDC_CACHE"):  # somebody's own are not for tests
    os.environ.pop(_name, None)
DIRTY = PhantomSettings(train_studies=3, test_studies=8, seed=1, quirks=("all",), variants=())

ROOT = Path(__file__).parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@functools.cache
def without_network() -> list[str]:
    """Words that start a command in a namespace without a network; empty where this machine has none."""
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        try:
            if subprocess.run([*words, "true"], capture_output=True).returncode == 0:
                return words
        except FileNotFoundError:
            break
    return []


@dataclass(frozen=True)
class Place:
    """A working folder as after a clone, with its own HOME and a log of network attempts."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def network_log(self) -> Path:
        return self.folder / "network.log"

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("LSDC_", "XDG_", "YOLO_"))}
        return kept | {
            "HOME": str(self.home), "LSDC_NETWORK_LOG": str(self.network_log), "CUDA_VISIBLE_DEVICES": "",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "guard"), str(ROOT)]),
        }

    def python(self, *words, namespace: bool = True) -> subprocess.CompletedProcess:
        prefix = without_network() if namespace else []
        return subprocess.run([*prefix, sys.executable, *map(str, words)], cwd=self.folder, env=self.environment(),
                              capture_output=True, text=True)

    def lsdc(self, *words) -> subprocess.CompletedProcess:
        return self.python("-m", "lsdc", *words)

    def start(self, *words) -> subprocess.Popen:
        """`lsdc`, begun."""
        return self.begin("-m", "lsdc", *words)

    def begin(self, *words) -> subprocess.Popen:
        """Python with its stderr as a pipe, in a process group of its own, not waited for."""
        return subprocess.Popen([*without_network(), sys.executable, *map(str, words)], cwd=self.folder,
                                env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                start_new_session=True)

    def processes(self) -> list[str]:
        """Commands of the living processes that work in this folder or below."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if ((entry / "cwd").resolve().is_relative_to(self.folder)
                        and "State:\tZ" not in (entry / "status").read_text()):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:  # ended meanwhile
                continue
        return found


@pytest.fixture(scope="session")
def make_place(tmp_path_factory):
    def make(name: str) -> Place:
        folder = tmp_path_factory.mktemp(name)
        (folder / "home").mkdir()
        (folder / "configs").symlink_to(ROOT / "configs")
        return Place(folder)

    return make


@contextmanager
def mounted(disk: Path, options: str) -> Iterator[Path]:
    """A file system of its own in a new folder, in memory; skipped where nothing can be mounted."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk.mkdir()
    told = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], capture_output=True, text=True)
    if told.returncode:
        pytest.skip(f"no mounting here: {told.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def fill(path: Path) -> None:
    """A file that takes all that the disk still has."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


@pytest.fixture
def small_disk(tmp_path):
    """Room for 64 kB."""
    with mounted(tmp_path / "disk", "size=64k") as disk:
        yield disk


@pytest.fixture(scope="session")
def dirty_phantom(tmp_path_factory) -> Path:
    """A phantom that has every quirk at least once."""
    from lsdc.phantom import generate

    root = tmp_path_factory.mktemp("dirty")
    generate(root, DIRTY, workers=2)
    return root


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """The machine's own Chromium. Where LSDC_BROWSER is `needed`, as in `.ci/run`, its absence is a failure."""
    from playwright.sync_api import sync_playwright

    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        said = "no Chromium on this machine: apt-get install chromium"
        if os.environ.get("LSDC_BROWSER") == "needed":
            pytest.fail(said)
        pytest.skip(said)
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path)
        yield started
        started.close()
