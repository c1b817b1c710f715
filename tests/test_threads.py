import os
import subprocess
import sys

import pytest

from lsdc.threads import SPIN, spin_briefly


def test_a_users_own_setting_stands(monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    spin_briefly()
    assert os.environ["GOMP_SPINCOUNT"] == SPIN["GOMP_SPINCOUNT"]
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    spin_briefly()
    assert os.environ["GOMP_SPINCOUNT"] == "7"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system gives no cores to a process")
def test_only_the_cores_that_were_granted_are_counted():
    code = ("import os; from lsdc.threads import cores; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
            "print(cores())")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "1"
