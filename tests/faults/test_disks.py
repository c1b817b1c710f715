"""Full disks, read-only folders and missing permissions, each a real one, under every command that writes."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import torch

from lsdc.config import load_settings
from lsdc.dicom import SeriesStore, read_series
from lsdc.errors import StorageError
from lsdc.grade.artefact import Classifier, save_classifier
from lsdc.grade.checkpoints import WrittenAside
from lsdc.grade.model import build_model
from tests.builders import write_series
from tests.conftest import ROOT, fill, mounted
from tests.faults.jobs import COMMANDS, World, files, job, told

NOBODY = 65534
NODES = 6  # files and folders that a nearly full disk still takes: too few for most commands, in their middle


@pytest.fixture(scope="module")
def world(toy_data, graded_data, runs) -> World:
    return World(graded_data, toy_data, runs)


@pytest.fixture(scope="module")
def disks(tmp_path_factory, world):
    """A disk without room, one that takes a few files more, a read-only one; on each a run, and what all said there."""
    root = tmp_path_factory.mktemp("disks")
    with (mounted(root / "full", "size=16m") as full, mounted(root / "few", "size=3g") as few,
          mounted(root / "read-only", "size=3g") as fixed):
        before = {}
        for disk in (full, few, fixed):
            shutil.copytree(world.runs, disk / "runs")
            before[disk] = files(disk)
        taken = os.statvfs(few)
        _remount(few, f"nr_inodes={taken.f_files - taken.f_ffree + NODES}")
        _remount(fixed, "ro")
        fill(full / ".filler")
        jobs = [(disk, command) for disk in (full, few, fixed) for command in COMMANDS]
        answers = told([job(world, command, disk) for disk, command in jobs], root)
        after = {disk: files(disk) for disk in (full, few, fixed)}
        (full / ".filler").unlink()
        again = ("audit", "predict", "blend", "evaluate")
        recovered = dict(zip(again, told([job(world, command, full) for command in again], root), strict=True))
        yield {disk.name: (dict(zip(COMMANDS, answers[9 * number:9 * number + 9], strict=True)), before[disk],
                           after[disk]) for number, disk in enumerate((full, few, fixed))} | {"recovered": recovered}


def _remount(disk: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", disk], check=True)


def is_clear(answer, *problems: str) -> None:
    """One of these problems in words, with the place and a remedy; no traceback."""
    assert answer.code == 2, answer.said
    assert "Traceback" not in answer.said
    error = answer.said[answer.said.rindex("error: "):]
    assert any(problem in error for problem in problems), error
    assert "where:" in error
    assert "to do:" in error


@pytest.mark.parametrize("command", COMMANDS)
def test_no_room_at_all(disks, command):
    answers, before, after = disks["full"]
    is_clear(answers[command], "the disk is full", "not enough free disk")
    assert after == before


@pytest.mark.parametrize("command", COMMANDS)
def test_no_room_any_more_in_the_middle(disks, command):
    """A command that needs no more than a few files may get done."""
    answer = disks["few"][0][command]
    if answer.code == 0:
        assert command in ("audit", "blend", "evaluate")
    else:
        is_clear(answer, "the disk is full", "No space left on device")


def test_what_stopped_in_the_middle_left_nothing_that_counts(disks):
    _, before, after = disks["few"]
    new = {name for name in after if after[name] != before.get(name)}
    assert before.keys() <= after.keys()
    assert not {name for name in new if name.startswith(("phantom/competition/train.csv", "report", "bundle", "subm"))}
    assert not {name for name in new if name.startswith("runs/new/fold0/") and not name.endswith("priors.csv")}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_read_only_disk(disks, command):
    answers, before, after = disks["read-only"]
    is_clear(answers[command], "this place cannot be written")
    assert after == before


def test_with_room_again_the_same_commands_get_done(disks):
    assert {name: answer.code for name, answer in disks["recovered"].items()} == dict.fromkeys(disks["recovered"], 0)


def test_weights_and_checkpoints_on_a_full_disk_are_told_and_the_old_ones_stay(small_disk):
    settings = load_settings(ROOT / "configs" / "smoke.yaml")
    model = build_model(settings.classifier, settings.crops)
    checkpoint = small_disk / "last.ckpt"
    WrittenAside().save_checkpoint({"epoch": 1}, checkpoint)
    with pytest.raises(StorageError, match=r"the disk is full(.|\n)*last.ckpt"):
        WrittenAside().save_checkpoint({"epoch": 2, "state_dict": model.state_dict()}, checkpoint)
    assert torch.load(checkpoint, weights_only=True) == {"epoch": 1}
    with pytest.raises(StorageError, match=r"the disk is full(.|\n)*classifier.safetensors"):
        save_classifier(Classifier(model, settings.classifier, settings.crops, 0), small_disk)
    assert [path.name for path in small_disk.iterdir()] == ["last.ckpt"]


def test_a_store_that_may_make_no_file_more_costs_nothing_but_itself(tmp_path, caplog):
    folder = write_series(tmp_path / "series")
    with mounted(tmp_path / "disk", "size=3g,nr_inodes=4") as disk:  # with its folders that is one too few
        kept = SeriesStore(disk / "store", 1)
        for _ in range(2):
            assert [path.name for path in kept.read(folder).paths] == [path.name for path in read_series(folder).paths]
        assert not list(disk.rglob("*.safetensors"))
    assert caplog.text.count("decoded series are not kept") == 1


@pytest.fixture(scope="module")
def not_allowed(world):
    """What every command said that may read all and write nothing; and one that may not read its data."""
    root = Path(tempfile.mkdtemp(prefix="lsdc-"))
    user = NOBODY if os.geteuid() == 0 else None
    try:
        own = World(*(root / name for name in ("graded", "toy", "runs")))
        for name in ("graded", "toy", "runs"):
            shutil.copytree(getattr(world, name), root / name)
        shutil.copytree(world.runs, root / "closed" / "runs")
        (root / "scratch").mkdir()
        locked = root / "locked"
        shutil.copytree(world.graded, locked)
        for path in (root, *root.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        (root / "scratch").chmod(0o777)
        (locked / "sample_submission.csv").chmod(0)
        jobs = [job(own, command, root / "closed") for command in COMMANDS]
        unread = World(locked, own.toy, own.runs)
        jobs += [job(unread, command, root / "scratch") for command in ("predict", "submit")]
        before = files(root / "closed")
        answers = told(jobs, root / "scratch", user=user)
        yield dict(zip((*COMMANDS, "unread predict", "unread submit"), answers, strict=True)), before, files(
            root / "closed")
    finally:
        for path in (root, *root.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(root)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_of_somebody_else(not_allowed, command):
    answers, before, after = not_allowed
    is_clear(answers[command], "this place cannot be written")
    assert "Permission denied" in answers[command].said
    assert after == before


@pytest.mark.parametrize("command", ["predict", "submit"])
def test_a_table_that_may_not_be_read(not_allowed, command):
    answer = not_allowed[0][f"unread {command}"]
    is_clear(answer, "this file cannot be read as csv")
    assert "Permission denied" in answer.said
