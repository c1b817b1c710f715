import errno
import os
import pickle
import subprocess
import sys

import pytest

from lsdc.config import load_settings
from lsdc.errors import ConfigError, StorageError, TableError
from lsdc.files import ASIDE, alone, file_hash, locked, need_space, read_json, write_json, written_aside
from lsdc.phantom import generate


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"b": 1})

    def fail():
        with written_aside(path) as aside:
            aside.write_text("half")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail()
    assert read_json(path) == {"b": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_folders_too(tmp_path):
    with written_aside(tmp_path / "out") as aside:
        aside.mkdir()
        (aside / "x").write_text("1")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "x").read_text() == "1"


def test_a_folder_takes_the_place_of_a_folder_when_it_is_whole(tmp_path):
    for number in (1, 2):
        with written_aside(tmp_path / "out") as aside:
            aside.mkdir()
            (aside / f"{number}").touch()
            there = [path.name for path in (tmp_path / "out").glob("*")]
            assert there == ([] if number == 1 else ["1"])
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "2"]


def test_who_holds_a_place_removes_what_killed_writers_left_there(tmp_path):
    for name in (".a.csv.12345678", ".b.csv.12345678"):
        (tmp_path / f"{name}{ASIDE}").mkdir()
        (tmp_path / f"{name}{ASIDE}" / "half").touch()
    (tmp_path / ".a.csv").mkdir()  # somebody's own
    with alone(tmp_path / "a.csv"):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".a.csv", ".a.csv.lock", f".b.csv.12345678{ASIDE}"]
    with locked(tmp_path):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".a.csv", ".lock"]


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "raise KeyboardInterrupt"])
def test_a_folder_is_back_where_its_writer_ended_between_moving_it_and_the_new_one(tmp_path, end):
    out = tmp_path / "report"
    out.mkdir()
    (out / "old").touch()
    code = f"""
import os, signal
from pathlib import Path
from lsdc.files import written_aside
rename, asked = os.replace, []
def replace(source, target):
    asked.append(target)
    if len(asked) == 2:
        {end}
    rename(source, target)
os.replace = replace
with written_aside(Path({str(out)!r})) as aside:
    aside.mkdir()
"""
    assert subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode != 0
    with alone(out):
        assert [path.name for path in out.iterdir()] == ["old"]
        assert sorted(path.name for path in tmp_path.iterdir()) == [".report.lock", "report"]


def test_a_really_full_disk(small_disk):
    with pytest.raises(StorageError, match="the disk is full"), written_aside(small_disk / "big") as aside:
        aside.write_bytes(bytes(10**6))
    assert list(small_disk.iterdir()) == []
    with pytest.raises(StorageError, match="not enough free disk for a run"):
        need_space(small_disk / "runs" / "mine", 1.0, "a run")


def test_no_permission_names_the_place(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StorageError, match=r"cannot be written(.|\n)*LSDC_RUNS"):
        write_json(tmp_path / "x.json", {})


def test_unreadable_json(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(StorageError, match="cannot be read as json"):
        read_json(tmp_path / "x.json")


def test_what_is_too_long_for_json_is_not_read(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(2**40)  # nothing of it is on the disk
    with pytest.raises(StorageError, match="it has 1099511627776 bytes"):
        read_json(tmp_path / "a.json")
    with pytest.raises(ConfigError, match="it has 1099511627776 bytes"):
        load_settings(tmp_path / "a.json")
    os.mkfifo(tmp_path / "b.json")
    with pytest.raises(StorageError, match="a pipe or a device"):
        read_json(tmp_path / "b.json")
    with pytest.raises(OSError, match="no such file"):
        file_hash(tmp_path / "b.json")


def test_errors_cross_processes_whole():
    error = TableError("p", wanted="w", got="g", where="f.csv", remedy="do")
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert type(back) is TableError
    assert str(back) == "p\n  wanted: w\n  got:    g\n  where:  f.csv\n  to do:  do"


HOLDER = """
import sys, time
from lsdc.files import locked
with locked(sys.argv[1], busy="held"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_folder_held_by_another_process_is_told_and_free_when_that_is_killed(tmp_path):
    place = tmp_path / "place"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(place)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        said = r"(?s)another one is at it.*place.*wait until it has ended"
        with pytest.raises(StorageError, match=said), locked(place, busy="another one is at it"):
            pass
    finally:
        holder.kill()
        holder.wait()
    with locked(place, busy="another one is at it"):
        assert place.is_dir()


def test_a_phantom_that_another_process_makes_is_left_to_it(tmp_path):
    settings = load_settings("configs/smoke.yaml", ["phantom.train_studies=1", "phantom.test_studies=1"]).phantom
    with locked(tmp_path / "truth"), pytest.raises(StorageError, match="another process is making this phantom"):
        generate(tmp_path, settings, workers=1)
    assert [path.name for path in tmp_path.rglob("*")] == ["truth", ".lock"]
    generate(tmp_path, settings, workers=1)
    assert (tmp_path / "competition" / "train.csv").exists()


def test_a_place_where_no_file_can_be_is_named(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "file" / "below.json", tmp_path / "pipe"):
        with pytest.raises(StorageError, match="this place cannot be written") as raised:
            write_json(place, {})
        assert str(raised.value.where) == str(place)
    with pytest.raises(StorageError, match="this place cannot be written"), locked(tmp_path / "file" / "folder"):
        raise AssertionError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "pipe"]
