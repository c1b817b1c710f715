"""Real workers of submitit on this machine, which find this checkout."""

import time
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder of its own to work in, no GPU, and no thread count of the caller's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (tmp_path / "notes").mkdir()
    return tmp_path


def until(true, seconds: float = 120):
    """What `true` returns, as soon as it is something."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


def workers(folder: Path, word: str = "submitit.core._submit") -> list[int]:
    """Living processes that work in this folder and have this word in their command."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if ((entry / "cwd").resolve() == folder and word.encode() in (entry / "cmdline").read_bytes()
                    and "State:\tZ" not in (entry / "status").read_text()):
                found.append(int(entry.name))
        except OSError:  # ended meanwhile
            continue
    return sorted(found)


def alive(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def process_of(note: Path) -> int:
    """The process that wrote a note of tests/scale/works.py, when it is there."""
    return int(until(lambda: note.exists() and note.read_text()))


