"""`kill -9` at random moments of every long command: given again it gets done, with the results of a quiet run."""

from pathlib import Path

import pytest

from tests.faults.killing import kill_often

COMMANDS = ("phantom", "detector", "classifier", "prediction", "blending", "blended submission")
pytestmark = [
    pytest.mark.timeout(7200),
    pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="looks for processes in /proc"),
]


@pytest.mark.parametrize("name", COMMANDS[:-1])  # a submission is a prediction and a folder that appears whole
def test_a_few_kills_change_nothing(cases, make_place, name):
    assert kill_often(*cases(name), lambda: make_place(name.split()[0]), kills=2, seed=1).kills == 2


@pytest.mark.soak
@pytest.mark.parametrize("name", COMMANDS)
def test_twenty_kills_change_nothing(cases, make_place, name):
    assert kill_often(*cases(name), lambda: make_place(name.split()[0]), kills=20, seed=2).kills == 20
