"""A wall clock that jumps by hours and years, forward and back: what counts seconds does not look at it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

import lsdc
from lsdc.dicom import SeriesStore, read_series, store
from tests.builders import write_competition, write_series
from tests.conftest import ROOT
from tests.submit.bare import bare_run

JUMPING = '''
import itertools, time
real, jumps = time.time, itertools.cycle([0, 7200, -10**8, 86400, -3600, 10**8])
time.time = lambda: real() + next(jumps)
time.time_ns = lambda: int(time.time() * 1e9)
'''


@pytest.fixture
def predict(tmp_path):
    data, run = write_competition(tmp_path / "data", test_studies=range(2001, 2007)), bare_run(tmp_path / "run").path
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(JUMPING)

    def predict(name: str, *, jumping: bool, clock: str = "monotonic") -> tuple[bytes, str]:
        paths = [str(tmp_path / "clock")] * jumping + [str(ROOT)]
        words = [data, run, tmp_path / f"{name}.csv", tmp_path / name, 120, clock]
        ended = subprocess.run([sys.executable, "-m", "tests.submit.standins", *map(str, words)], capture_output=True,
                               text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)})
        assert ended.returncode == 0, ended.stderr
        return (tmp_path / f"{name}.csv").read_bytes(), ended.stdout

    return predict


def test_deadline_pace_and_resumption_under_a_jumping_clock(predict):
    steady, _ = predict("steady", jumping=False)
    jumped, told = predict("jumped", jumping=True)
    assert jumped == steady
    assert "6 studies graded in" in told
    assert "from here on" not in told  # nothing was left out to be in time
    again, told = predict("jumped", jumping=True)
    assert again == steady
    assert "0 studies graded in" in told
    assert "6 kept from before" in told


def test_a_deadline_by_the_wall_clock_would_be_lost_by_the_jumps(predict):
    """What the test above would see of a kit that looks at it."""
    steady, _ = predict("steady", jumping=False, clock="time")
    jumped, told = predict("jumped", jumping=True, clock="time")
    assert jumped != steady
    assert "6 studies graded in" not in told


def test_only_the_store_looks_at_the_wall_clock():
    """There it tells what was abandoned from what is being written; all else counts monotonic seconds."""
    package = Path(lsdc.__file__).parent
    texts = {path.relative_to(package).as_posix(): path.read_text(encoding="utf-8") for path in package.rglob("*")
             if path.suffix in (".py", ".txt")}

    def users(pattern: str) -> set[str]:
        return {name for name, text in texts.items() if re.search(pattern, text)}

    assert users(r"\btime\.time(_ns)?\b|from time import[^#\n]*\btime(_ns)?\b|import time as") == {"dicom/store.py"}
    stamps = users(r"\b(now|utcnow|today)\(|\b(localtime|gmtime|strftime|ctime)\b")
    assert stamps == {"bench/saved.py", "bench/stages/story.py", "scale/launcher.py", "submit/manifest.py",
                      "train/run.py"}
    for name in stamps:  # each makes a text of it, and counts nothing
        assert len(re.findall(r"\bnow\(", texts[name])) == len(re.findall(
            r"\bnow\((UTC)?\)(\.isoformat\(|\.astimezone\(\):%)", texts[name])) > 0, name


def test_an_entry_whose_scratch_folder_a_jump_made_old_is_only_not_kept(tmp_path, monkeypatch, caplog):
    """The clock jumps while a process writes, and another one takes what it writes for abandoned."""
    folder, root, save = write_series(tmp_path / "series"), tmp_path / "store", store._save

    def jumped(path: Path, *rest) -> None:
        with monkeypatch.context() as patch:
            now = store.time.time()
            patch.setattr(store.time, "time", lambda: now + 2 * store.ABANDONED_S)
            store._evict(root, 10**9)
        assert not path.parent.exists()
        with pytest.raises((OSError, SafetensorError)):
            save(path, *rest)
        save(path, *rest)

    monkeypatch.setattr(store, "_save", jumped)
    kept = SeriesStore(root, 1)
    for _ in range(2):
        assert [path.name for path in kept.read(folder).paths] == [path.name for path in read_series(folder).paths]
    assert caplog.text.count("decoded series are not kept") == 1
