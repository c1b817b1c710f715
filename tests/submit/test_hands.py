"""Real processes, stand-ins for the models: whatever happens to one study or one process, every study gets its part."""

import os
import signal
from collections import deque
from dataclasses import replace
from functools import partial

import pytest

from lsdc.competition.asked import open_test_part, read_asked
from lsdc.errors import LsdcError, WeightsError
from lsdc.submit.effort import Effort
from lsdc.submit.hands import Here, Processes
from lsdc.submit.worker import KILLED, Job, Reader, Work, grade, read
from tests.builders import write_competition
from tests.submit.standins import Brightness, cannot_open, opened

STUDIES = (2001, 2002, 2003, 2004, 2005)
WHOLE = Effort(1, False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = write_competition(tmp_path_factory.mktemp("data") / "competition", test_studies=STUDIES)
    return open_test_part(root, read_asked(root))[0]


def work(folder, notes, acts=None, *, ahead=False, device="cpu") -> Work:
    return Work(folder, partial(opened, notes, acts or {}, 0.0), device, 1, ahead)


def parts_of(hands, studies=STUDIES) -> dict:
    """Deal studies out and collect their parts by study, as the pipeline does."""
    waiting, found = deque(studies), []
    try:
        while len(found) < len(studies):
            while waiting and hands.room() > 0:
                hands.give(Job(waiting.popleft(), WHOLE))
            found += hands.wait(None)
    finally:
        hands.close()
    assert sorted(part.study_id for part in found) == sorted(studies)
    return {part.study_id: part for part in found}


@pytest.mark.parametrize("ahead", [False, True])
def test_processes_say_what_this_process_says(folder, tmp_path, ahead):
    here = parts_of(Here(work(folder, tmp_path)))
    hands = Processes([work(folder, tmp_path, ahead=ahead)] * 2)
    there = parts_of(hands)
    assert {study: part.values for study, part in there.items()} == {study: part.values for study, part in here.items()}
    assert not any(part.failed for part in there.values())
    assert all(part.seconds["read"] > 0 and part.seconds["whole"] > 0 for part in there.values())
    assert there[2001].files == here[2001].files
    assert not any(lane.process.is_alive() for lane in hands.lanes_there)


@pytest.mark.parametrize("ahead", [False, True])
def test_one_bad_study_costs_no_other(folder, tmp_path, ahead):
    acts = {2001: "die", 2002: "die once", 2003: "raise", 2004: "too large", 2005: "far too large"}
    parts = parts_of(Processes([work(folder, tmp_path, acts, ahead=ahead)] * 2))
    assert {study: part.failed for study, part in parts.items()} == {
        2001: KILLED, 2002: None, 2003: "ZeroDivisionError: a fault of the code", 2004: None, 2005: "out of memory"}
    assert parts[2004].values == parts_of(Here(work(folder, tmp_path)), [2004])[2004].values
    assert parts[2001].values == []


def test_a_study_that_never_ends_is_given_up(folder, tmp_path):
    hands = Processes([work(folder, tmp_path, {2002: "hang"})], study_limit_s=3.0)
    parts = parts_of(hands, STUDIES[:3])
    assert [parts[study].failed for study in STUDIES[:3]] == [None, "it took longer than 3 s", None]


def read_or_die(folder, study):
    return die() if study == 2002 else read(folder, study)


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_reader_that_is_killed_over_a_study(folder, tmp_path):
    reader = Reader(work(folder, tmp_path, ahead=True), read_or_die)
    begun = {study: reader.begin(study) for study in STUDIES[:3]}
    told = {study: grade(reader.work, Brightness(tmp_path), Job(study, WHOLE), ahead, reader.read).failed
            for study, ahead in begun.items()}
    reader.close()
    assert told == {2001: None, 2002: f"while it was read, {KILLED}", 2003: None}


def broken_weights(device):
    raise WeightsError("the weights are not those of the record")


def test_models_that_cannot_be_loaded_are_an_error_at_once(folder, tmp_path):
    with pytest.raises(WeightsError, match="not those of the record"):
        parts_of(Processes([replace(work(folder, tmp_path), load=broken_weights)]))
    with pytest.raises(LsdcError, match=r"cannot be loaded(.|\n)*no kernel image for cpu"):
        parts_of(Processes([replace(work(folder, tmp_path), load=cannot_open)]))
    with pytest.raises(LsdcError, match="ended from outside each time it starts"):
        parts_of(Processes([replace(work(folder, tmp_path), load=die)]))


def only_on_the_cpu(notes, device):
    return Brightness(notes) if device == "cpu" else cannot_open(device)


def test_a_gpu_that_fails_leaves_its_studies_to_the_others_and_the_last_to_the_cpu(folder, tmp_path, caplog):
    load = partial(only_on_the_cpu, tmp_path)
    cards = [replace(work(folder, tmp_path), load=load, device=f"cuda:{number}") for number in (0, 1)]
    parts = parts_of(Processes(cards))
    assert {part.device for part in parts.values()} == {"cpu"}
    assert not any(part.failed for part in parts.values())
    assert "is not used: RuntimeError: no kernel image for cuda:" in caplog.text
    assert "the CPU is instead" in caplog.text


def test_a_study_is_read_with_what_its_files_are(folder):
    got = read(folder, 2001)
    assert len(got.study.series) == 3
    assert [len(files) for _, _, files in got.files] == [3, 3, 3]
