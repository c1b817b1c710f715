"""`kill -9` at ten random moments, real processes: the file stays valid, and in the end is that of a quiet run."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from lsdc.competition.asked import read_asked
from lsdc.submit.writer import check_submission
from tests.builders import write_competition
from tests.conftest import ROOT
from tests.submit.bare import bare_run

STUDIES = tuple(range(4001, 4025))
SECONDS = 0.1  # that a study takes
KILLS = 10


@pytest.fixture
def start(tmp_path):
    data = write_competition(tmp_path / "competition", test_studies=STUDIES)
    run = bare_run(tmp_path / "run").path

    def start(name: str) -> subprocess.Popen:
        words = [data, run, tmp_path / f"{name}.csv", tmp_path / name, SECONDS]
        return subprocess.Popen([sys.executable, "-m", "tests.submit.standins", *map(str, words)], cwd=tmp_path,
                                env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
                                start_new_session=True)

    return start


def living(folder: Path) -> list[int]:
    """Processes that work in this folder, zombies left out."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve() == folder and "State:\tZ" not in (entry / "status").read_text():
                found.append(int(entry.name))
        except OSError:  # ended meanwhile
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="looks for processes in /proc")
def test_ten_kills_change_nothing(start, tmp_path):
    sample = list(read_asked(tmp_path / "competition").rows)
    began = time.monotonic()
    quiet = start("quiet")
    assert quiet.wait() == 0, quiet.stderr.read()
    took = time.monotonic() - began
    wanted = (tmp_path / "quiet.csv").read_bytes()
    priors = pd.read_csv(tmp_path / "quiet.csv").normal_mild.eq(1 / 3)
    assert not priors.any()
    draw, answered, kept = random.Random(7), 0, set()  # noqa: S311 (moments, no secrets)
    for number in range(KILLS):
        running = start("killed")
        time.sleep(draw.uniform(0.1, took))
        if number % 2:
            os.killpg(running.pid, signal.SIGKILL)  # everything at once
        else:
            running.kill()  # the parent alone; the others end by themselves
        running.wait()
        end = time.monotonic() + 60
        while living(tmp_path) and time.monotonic() < end:
            time.sleep(0.05)
        assert living(tmp_path) == []
        if (tmp_path / "killed.csv").exists():
            check_submission(tmp_path / "killed.csv", sample)
            now = (~pd.read_csv(tmp_path / "killed.csv").normal_mild.eq(1 / 3)).sum()
            assert now >= answered  # what was answered stays answered
            answered = now
        parts = {path.name for path in (tmp_path / "killed").glob("*/*.json")}
        assert parts >= kept
        kept = parts
    assert kept  # the kills did not all come before the first study
    last = start("killed")
    assert last.wait() == 0, last.stderr.read()
    assert (tmp_path / "killed.csv").read_bytes() == wanted
    done_last = last.stderr.read()
    assert f"predict test studies: {len(STUDIES) - len(kept)} done" in done_last or len(kept) == len(STUDIES)
