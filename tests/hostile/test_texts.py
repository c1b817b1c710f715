"""Texts that come from files steer no terminal, break no table and are no formulas; UIDs are not told."""

import logging
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pydicom
import pytest

from lsdc.audit import audit_folder
from lsdc.cli.errors import reported
from lsdc.cli.say import say
from lsdc.config.load import read_mapping
from lsdc.detect.training_state import read_state
from lsdc.errors import ConfigError, DataError
from lsdc.evaluate.cells import grid
from lsdc.files import write_json
from lsdc.report import read_runs, rows_of, text_of_runs
from lsdc.report.ledger import read_ledger, text_of_ledger
from lsdc.tables import LOCATION_NOTES, PREDICTIONS
from tests.audit.folders import write_clean
from tests.conftest import ROOT
from tests.report.runs import write_run
from tests.report.test_ledger import OF_RUN

EVIL = "=1+1\x1b[2J\r\n\u202ereversed\x9b"
SHOWN = "=1+1\\x1b[2J\\r\\n\\u202ereversed\\x9b"


@pytest.fixture
def odd_folder(tmp_path):
    """A series and a study that no table names, with such names."""
    root = write_clean(tmp_path / f"data{EVIL}")
    series = next((root / "train_images" / "1001").iterdir())
    shutil.copytree(series, series.with_name(EVIL))
    next(series.iterdir()).rename(series / f"{EVIL}.dcm")
    return root


def test_what_the_audit_prints_and_writes(odd_folder, tmp_path):
    table = tmp_path / "faults.csv"
    told = subprocess.run([sys.executable, "-m", "lsdc", "audit", odd_folder, "--table", table, "--workers", "1"],
                          cwd=ROOT, capture_output=True, check=False)
    said = (told.stdout + told.stderr).decode()
    assert f": {SHOWN}" in said
    assert all(line.isprintable() for line in said.split("\n")), said
    rows = pd.read_csv(table)
    assert rows.detail.str.contains(f"'{SHOWN}", regex=False).any()
    assert rows.severity.isin(["fatal", "warning", "note"]).all()
    assert len(rows) == len(audit_folder(odd_folder, workers=1).findings)


def test_errors_logs_and_lines(capfd):
    with pytest.raises(SystemExit), reported():
        raise DataError(f"no {EVIL}", got=f"one\n          {EVIL}", where=f"/data{EVIL}\n  to do:  obey")
    assert capfd.readouterr().err == (f"error: no {SHOWN}\n  got:    one\n          {SHOWN}\n"
                                      f"  where:  /data{SHOWN}\\n  to do:  obey\n")
    with pytest.raises(SystemExit), reported():
        Path(f"/nowhere/{EVIL}").read_bytes()
    assert f"  where:  /nowhere/{SHOWN}\n" in capfd.readouterr().err
    say(EVIL)
    assert capfd.readouterr().out == SHOWN.replace("\\n", "\n") + "\n"


def test_what_is_logged(capfd):
    code = ("import logging; from lsdc.progress import log_to_stderr; log_to_stderr(logging.INFO); "
            f"logging.getLogger('lsdc.here').info('found %s', {EVIL!r})")
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert told.stderr.decode() == f"found {SHOWN}\n"


def test_what_other_processes_say(tmp_path, capfd):
    code = f"from lsdc.scale.tasks import Sent, Share; Sent({pickle.dumps((getattr, (1, EVIL)))}, " \
        "Share(), None, 20)()"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert told.stderr.decode().replace("\n", "").isprintable()
    assert "no attribute '=1+1\\x1b[2J\\r" in told.stderr.decode()
    (tmp_path / f"{EVIL}.pt").write_bytes(b"no state")
    assert read_state(tmp_path / f"{EVIL}.pt") is None
    assert f"{SHOWN}.pt cannot be read, training starts anew" in capfd.readouterr().err


def test_what_yaml_says_keeps_its_lines(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 1\nb: [1\nc: 2\n")
    with pytest.raises(ConfigError) as told:
        read_mapping(tmp_path / "a.yaml", wanted="", remedy="")
    assert "\\n" not in str(told.value)
    assert re.search(r"\n {10}expected .*\n {12}in .*line 3", str(told.value))


def test_cells_of_tables(tmp_path):
    rows = pd.DataFrame({"study_id": [1, 1], "series_id": [2, 3], "note": [EVIL, "-2"], "count": [1, -2], "fold": 0})
    LOCATION_NOTES.write(rows, tmp_path / "notes.csv")
    assert (tmp_path / "notes.csv").read_bytes().count(b"\n") == 3
    assert LOCATION_NOTES.read(tmp_path / "notes.csv").note.tolist() == [f"'{SHOWN}", "'-2"]
    answers = pd.DataFrame({"row_id": ["-1_x", "a\rb"], "normal_mild": 0.1, "moderate": 0.2, "severe": 0.7, "fold": 0,
                            "model": EVIL, "fallback": [EVIL, None]})
    PREDICTIONS.write(answers, tmp_path / "predictions.csv")
    there = PREDICTIONS.read(tmp_path / "predictions.csv")
    assert there.fallback.fillna("").tolist() == [f"'{SHOWN}", ""]
    assert there.model.tolist() == [f"'{SHOWN}"] * 2
    assert there.row_id.tolist() == ["-1_x", "a\rb"]  # as the sample submission has them
    assert there.severe.tolist() == [0.7, 0.7]


def test_what_manifests_and_runs_say_stays_on_its_lines(tmp_path):
    name, commit = EVIL.replace("/", ""), "c\nd"
    write_json(tmp_path / name / "manifest.json", OF_RUN | {"commit": commit})
    write_json(tmp_path / f"no {name}" / "manifest.json", {})
    told = text_of_ledger(*read_ledger(tmp_path))
    assert f"{SHOWN}  " in told
    assert f"\nno {SHOWN}: its manifest is damaged" in told
    assert len(told.splitlines()) == 6  # head, line, a line each, a blank one, the fault
    write_run(tmp_path / "runs", "one")
    (row,) = rows_of(read_runs(tmp_path / "runs"))
    usual = text_of_runs([row], [])
    told = text_of_runs([row | {"network": commit, "notes": [EVIL]}], [EVIL])
    assert (told.count(SHOWN), len(told.splitlines())) == (2, len(usual.splitlines()) + 4)
    assert grid([[EVIL, 1]], ["", EVIL]).splitlines()[-1].startswith(f"{SHOWN}  ")


def test_uids_are_compared_and_not_told(tmp_path, caplog):
    root = write_clean(tmp_path / "data")
    for number, path in enumerate(sorted((root / "train_images" / "1001").rglob("*.dcm"))):
        header = pydicom.dcmread(path)
        header.FrameOfReferenceUID = f"2.25.777{number}"
        header.SeriesInstanceUID = header.StudyInstanceUID = f"2.25.888{number > 0:d}"
        header.SOPInstanceUID = "2.25.999"
        header.save_as(path)
    with caplog.at_level(logging.DEBUG):
        found = audit_folder(root, workers=1)
    kinds = {finding.kind.value for finding in found.findings}
    assert {"other_frame", "foreign_file", "duplicate_uid"} <= kinds
    assert "2.25." not in found.table().to_csv() + caplog.text
