"""Work over processes: order, errors, a killed worker, a killed parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lsdc.errors import DataError, LsdcError
from lsdc.processes import each

ROOT = Path(__file__).parent.parent


def place(scale: int, number: int) -> tuple[int, int]:
    return scale * number, os.getpid()


def fails(number: int) -> None:
    raise DataError(f"job {number} cannot be done")


def die(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def note_and_wait(folder: str, number: int) -> None:
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)


def test_results_come_in_order_from_other_processes():
    found = list(each(place, [(number,) for number in range(7)], what="test", workers=2, shared=(10,)))
    assert [value for value, _ in found] == [0, 10, 20, 30, 40, 50, 60]
    assert os.getpid() not in {process for _, process in found}


@pytest.mark.parametrize(("workers", "few"), [(1, 2), (2, 8)])
def test_one_worker_or_few_jobs_stay_in_this_process(workers, few):
    found = list(each(place, [(number,) for number in range(7)], what="test", workers=workers, few=few, shared=(10,)))
    assert found == [(10 * number, os.getpid()) for number in range(7)]


def test_an_error_of_the_work_passes_as_it_is():
    with pytest.raises(DataError, match="cannot be done"):
        list(each(fails, [(1,), (2,)], what="test", workers=2))


def test_a_killed_worker_is_one_clear_error():
    with pytest.raises(LsdcError, match="ended from outside"):
        list(each(die, [(1,), (2,)], what="test", workers=2))


def test_workers_end_with_a_killed_parent(tmp_path):
    code = (f"from tests.test_processes import note_and_wait; from lsdc.processes import each\n"
            f"if __name__ == '__main__': list(each(note_and_wait, [(1,), (2,)], what='t', workers=2, "
            f"shared=({str(tmp_path)!r},)))")
    script = tmp_path / "script.py"
    script.write_text(code)
    parent = subprocess.Popen([sys.executable, script], env=os.environ | {"PYTHONPATH": str(ROOT)},
                              stderr=subprocess.DEVNULL)
    workers = _until(lambda: [int(path.name) for path in tmp_path.iterdir() if path.name.isdecimal()], 2)
    parent.kill()
    parent.wait()
    _until(lambda: [pid for pid in workers if not _alive(pid)], 2)


def _until(find, count: int) -> list:
    for _ in range(300):
        if len(found := find()) == count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"wanted {count}, got {found}")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
