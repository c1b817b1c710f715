"""The notebook executed for real: in namespaces without a network where these exist, else under guards."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lsdc.kernel.environment import packages_of
from lsdc.kernel.image import TRAINING
from lsdc.kernel.manifest import read_manifest
from lsdc.kernel.requirements import requirement_faults
from lsdc.kernel.sandbox import GUARDS, NAMESPACES, Mount, choose_sandbox, execute
from lsdc.kernel.submission import check_submission
from lsdc.kernel.trial import COMPETITION, Trial, try_kernel

SAMPLE = "sample_submission.csv"
KIND = choose_sandbox()
needs_namespaces = pytest.mark.skipif(KIND not in NAMESPACES, reason="needs namespaces: unshare, as root or user")
KINDS = [KIND, *([GUARDS] if KIND != GUARDS else [])]
third = {"0.333333333333"}


def values_of(path) -> set[str]:
    return {value for line in path.read_text().splitlines()[1:] for value in line.split(",")[1:]}


def kernel(trial: Trial, bundle, data, here, tmp_path, *, kind=KIND, **more):
    """Judged, and a copy of what was submitted, or None."""
    kept = []

    def look(told):
        if told.submission.exists():
            (tmp_path / "submission.csv").write_bytes(told.submission.read_bytes())
            kept.append(tmp_path / "submission.csv")

    judged = try_kernel(trial, bundle, data, here, kind, tmp_path / "scratch", look=look, **more)
    return judged, kept[0] if kept else None


def test_a_clean_environment_has_what_the_wheel_needs_and_no_training_library(here, made):
    versions = packages_of(here)
    assert requirement_faults(made / read_manifest(made)["wheel"], versions) == []
    assert not {"lightning", "ultralytics", "albumentations", "pytest", "lsdc"} & set(versions)
    for name in TRAINING:
        told = subprocess.run([here.python, "-I", "-c", f"import {name}"], capture_output=True, text=True)
        assert "ModuleNotFoundError" in told.stderr
    assert requirement_faults(made / read_manifest(made)["wheel"], versions | {"numpy": "1.20.0"}) == [
        "numpy 1.20.0, the wheel needs >=1.26"]


@pytest.mark.parametrize("layout", ["old", "deeper"])
def test_the_notebook_answers_every_row_of_a_shuffled_sample(layout, made, data, here, tmp_path):
    """deeper: the bundle was unpacked one folder further down."""
    kind = KIND if layout == "deeper" else GUARDS
    judged, submission = kernel(Trial("tiny", layout, scoring=True), made, data, here, tmp_path, kind=kind)
    assert judged.faults == ()
    assert judged.figures["rows"] == 50
    assert values_of(submission) != third
    assert judged.figures["peak_memory_gb"] is None or 0.1 < judged.figures["peak_memory_gb"] < 3
    assert "--- show" not in judged.told.output  # the last cell shows the file
    assert "lenient: this is the scoring run" in judged.told.output


def test_a_bundle_that_was_spoiled_stops_a_saving_run_and_names_every_file(bundle, data, here, tmp_path):
    (bundle / "tiny--config.yaml").write_text("shorter")
    (bundle / "tiny--fold0--priors.csv").unlink()
    (bundle / "notes.txt").touch()
    judged, submission = kernel(Trial("tiny"), bundle, data, here, tmp_path)
    assert judged.told.code == 1
    for line in ("changed: tiny--config.yaml (7 bytes", "missing: tiny--fold0--priors.csv", "extra: notes.txt",
                 "  competitions", f"    {COMPETITION}", "  datasets", "    someone"):
        assert f"\n{line}" in judged.told.output.replace("          ", "") or line in judged.told.output
    assert check_submission(submission, data / SAMPLE)["rows"] == 50
    assert values_of(submission) == third


def test_a_scoring_run_goes_on_without_what_is_damaged(bundle, data, here, tmp_path):
    (bundle / "tiny--fold0--priors.csv").unlink()
    judged, submission = kernel(Trial("tiny", scoring=True), bundle, data, here, tmp_path)
    assert (judged.told.code, judged.faults) == (0, ())
    assert "the bundle goes on without: missing: tiny--fold0--priors.csv" in judged.told.output
    assert "priors are the competition's published rates" in judged.told.output
    assert check_submission(submission, data / SAMPLE)["rows"] == 50
    assert values_of(submission) != third


def test_a_bundle_without_its_run_in_a_scoring_run_is_recorded_and_the_file_is_valid(bundle, data, here, tmp_path):
    (bundle / "tiny--config.yaml").unlink()
    judged, submission = kernel(Trial("tiny", scoring=True), bundle, data, here, tmp_path)
    assert judged.told.code == 0
    assert any(fault.startswith("failed steps: verify and install") for fault in judged.faults)
    assert check_submission(submission, data / SAMPLE)["rows"] == 50


@pytest.mark.parametrize("there", ["competition", "bundle", "nothing"])
def test_an_input_that_is_not_mounted_is_told_with_the_tree(there, made, data, here, tmp_path):
    mounts = {"competition": [Mount(data, f"competitions/{COMPETITION}")], "bundle": [Mount(made, "lsdc-bundle-tiny")],
              "nothing": []}[there]
    told = execute(made / "submit-offline.ipynb", mounts, here, KIND, tmp_path / "place")
    assert told.code == 1
    missing = "the bundle lsdc-bundle-tiny" if there == "competition" else f"the competition {COMPETITION}"
    assert f"{missing} is not among the inputs: attach it to the notebook" in told.output
    lines = told.output.splitlines()
    tree = lines[next(i for i, line in enumerate(lines) if "two levels deep" in line) + 1:]
    assert tree[0].strip() == {"competition": "competitions", "bundle": "lsdc-bundle-tiny"}.get(there, tree[0].strip())
    if there == "competition":
        assert tree[1].strip() == COMPETITION
        assert check_submission(told.submission, data / SAMPLE)["rows"] == 50
    else:
        assert not told.submission.exists()


@needs_namespaces
def test_a_full_working_folder_leaves_the_valid_file_that_was_there_first(made, data, here, tmp_path):
    judged, submission = kernel(Trial("tiny", scoring=True), made, data, here, tmp_path, working="8k")
    assert "failed steps: run" in judged.faults
    assert "the disk is full" in judged.told.output
    assert check_submission(submission, data / SAMPLE)["rows"] == 50


@pytest.mark.parametrize("kind", KINDS)
def test_a_kernel_that_does_what_it_must_not_is_found_out(kind, here, tmp_path):
    code = tmp_path / "bad.py"
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "a.txt").write_text("as it was")
    code.write_text("import os, socket\n"
                    "from pathlib import Path\n"
                    "root = Path(os.environ.get('LSDC_KERNEL_INPUT', '/kaggle/input'))\n"
                    "for act in (lambda: socket.create_connection(('192.0.2.1', 80), timeout=1),\n"
                    "            lambda: (root / 'mine' / 'a.txt').write_text('other'),\n"
                    "            lambda: (Path.home() / 'left').touch(),\n"
                    "            lambda: Path('cache').mkdir(),\n"
                    "            lambda: __import__('lsdc')):\n"
                    "    try: act()\n"
                    "    except (OSError, ImportError) as error: print(type(error).__name__, error)\n")
    told = execute(code, [Mount(tmp_path / "input", "mine")], here, kind, tmp_path / "place")
    assert told.code == 0, told.output
    assert "tried to reach the network: getaddrinfo 192.0.2.1" in told.faults
    assert "left in the working folder: cache" in told.faults
    assert "No module named 'lsdc'" in told.output
    if kind == GUARDS:
        assert {"left in HOME: left", "the input is not as it was before"} <= set(told.faults)
    else:
        assert told.output.count("Read-only file system") == 2
        assert (tmp_path / "input" / "a.txt").read_text() == "as it was"


@pytest.mark.parametrize("kind", KINDS)
def test_a_kernel_that_hangs_is_ended_with_all_that_it_started(kind, here, tmp_path, monkeypatch):
    monkeypatch.setattr("lsdc.kernel.sandbox.SECONDS", 4)
    code = tmp_path / "hangs.py"
    code.write_text("import subprocess\nwith subprocess.Popen(['sleep', '4713'], start_new_session=True): pass\n")
    began = time.monotonic()
    told = execute(code, [], here, kind, tmp_path / "place")
    assert told.code != 0
    assert time.monotonic() - began < 60
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"sleep\x004713" in _bytes(path)]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # ended meanwhile
        return b""


@needs_namespaces
def test_namespaces_have_no_network_even_without_the_guard(here, tmp_path):
    code = tmp_path / "look.py"
    code.write_text("import socket; print(socket.if_nameindex())\n")
    told = execute(code, [], here, KIND, tmp_path / "place", variables={"PYTHONPATH": ""})
    assert told.output.strip() == "[(1, 'lo')]"


def test_this_interpreter_is_another(here):
    assert str(here.python) != sys.executable
