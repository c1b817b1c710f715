"""A stand-in for the driver's program: what it says becomes shares and gigabytes."""

import sys
import time

import pytest

from lsdc.bench.gpus import watched


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a program in the place of nvidia-smi that says these lines, then nothing more, until it is ended."""
    def put(text: str) -> None:
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!{sys.executable}\nimport sys, time\nprint({text!r}, end='', flush=True)\n"
                        f"open({str(tmp_path / 'said')!r}, 'w').close()\ntime.sleep(600)\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return put


def watch_until_said(tmp_path) -> dict:
    with watched() as gpus:
        for _ in range(300):
            if (tmp_path / "said").exists():
                break
            time.sleep(0.1)
    return gpus


def test_idle_ends_do_not_count_and_what_is_no_sample_is_passed_over(program, tmp_path):
    program("0, 0, 512\n1, 0, 0\n0, 40, 1024\n0, 0, 2048\n0, 80, 1024\n[N/A], [N/A]\n0, 0, 512\n0, 9")
    assert watch_until_said(tmp_path) == {"cuda:0": {"busy": pytest.approx(0.4), "memory_gb": 2.0}}


def test_without_the_program_there_is_nothing_to_tell(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with watched() as gpus:
        pass
    assert gpus == {}
