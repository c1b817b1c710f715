"""The limits that cases are held to catch what they are for."""

import os
import signal
import time

import numpy as np
import pytest

from tests.fuzz import limits
from tests.fuzz.limits import in_time, look_at_all


def make_look(folder):
    def look(number: int) -> str:
        if number == 1:
            raise ValueError("not an LsdcError")
        if number == 2:
            with in_time():
                while True:
                    pass
        if number == 3:
            np.ones(limits.GIGABYTE + 2**27, np.uint8)
        if number == 4:
            os.kill(os.getpid(), signal.SIGSEGV)
        return "well"

    return look


def make_silent(folder):
    return lambda number: time.sleep(3600)


def make_none(folder):
    raise OSError("no room")


def test_what_fails_is_named_and_stops_no_other(tmp_path):
    told = look_at_all(make_look, tmp_path / "work", range(7))
    assert told.outcomes == {"well": 3}
    assert sorted(failure.partition(": ")[0] for failure in told.failures) == ["case 1", "case 2", "case 3", "case 4"]
    for words in ("ValueError: not an LsdcError", "more than 2.0 s of CPU", "GB of memory", "killed by SIGSEGV"):
        assert sum(words in failure for failure in told.failures) == 1, told


def test_what_waits_for_ever_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "BLOCKED_S", 3)
    assert look_at_all(make_silent, tmp_path / "work", [7]).failures == ["case 7: it waits"]


def test_what_cannot_start_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="does not start"):
        look_at_all(make_none, tmp_path / "work", [0])
