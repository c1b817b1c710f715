"""What names a person goes nowhere, and nothing goes to the network: every command on planted names."""

import gzip
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pydicom
import pytest

from lsdc.cli.commands import lsdc
from tests.conftest import ROOT
from tests.faults.jobs import AFTER, BEFORE, COMMANDS, FEW, SMOKE, Told, World, job, told

PLANTED = {keyword: f"ZQ{number:02}{keyword[:6].upper()}" for number, keyword in enumerate((
    "PatientName", "PatientID", "OtherPatientIDs", "PatientAddress", "PatientMotherBirthName", "PatientComments",
    "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "ReferringPhysicianName", "OperatorsName",
    "PerformingPhysicianName", "NameOfPhysiciansReadingStudy", "AccessionNumber", "StationName", "DeviceSerialNumber",
    "StudyID", "StudyDescription", "SeriesDescription", "ProtocolName", "ImageComments", "RequestingPhysician"))}
BIRTH_DATE = "18471123"
UID = "2.25.8642013579"  # how those planted begin
ALL = (*BEFORE, *COMMANDS, *AFTER)
ELSEWHERE = {"bundle verify": "its notebook's kernel has ports of this machine; tests/kernel runs it without a network"}
SECRETS = [*PLANTED.values(), BIRTH_DATE, UID, "ZQPRIVATE"]


def plant(data: Path) -> Path:
    """Names and UIDs in every file, and one file cut off, so that what is told of faults is heard too.

    A series shares a frame of reference, which is not that of the study's others.
    """
    paths = sorted(data.rglob("*.dcm"))
    assert paths
    for number, path in enumerate(paths):
        header = pydicom.dcmread(path)
        for keyword, text in PLANTED.items():
            setattr(header, keyword, text)
        header.PatientBirthDate = BIRTH_DATE
        header.StudyInstanceUID, header.SOPInstanceUID = f"{UID}.1.{path.parts[-3]}", f"{UID}.2.{number}"
        header.SeriesInstanceUID = header.FrameOfReferenceUID = f"{UID}.3.{path.parts[-2]}"
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.private_block(0x0011, "ZQPRIVATE", create=True).add_new(0x01, "LO", "ZQPRIVATE")
        header.save_as(path)
    paths[-1].write_bytes(paths[-1].read_bytes()[:-40])
    return data


@pytest.fixture(scope="module")
def done(tmp_path_factory, runs, toy_data, graded_data) -> tuple[dict[str, Told], Path, Path]:
    """What each command said, the folder that all wrote to, and what they tried of the network."""
    root = tmp_path_factory.mktemp("private")
    world = World(plant(shutil.copytree(graded_data, root / "graded")), plant(shutil.copytree(toy_data, root / "toy")),
                  runs)
    where, log = root / "out", root / "network.log"
    shutil.copytree(runs, where / "runs")
    log.touch()
    answers = told([job(world, command, where) for command in ALL], where, network=log)
    return dict(zip(ALL, answers, strict=True)), where, log


def contents(path: Path) -> bytes:
    """The bytes of a file, of what is packed in it too."""
    parts = [path.read_bytes()]
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            parts += [archive.read(name) for name in archive.namelist()]
    if path.suffix == ".gz":
        parts.append(gzip.decompress(parts[0]))
    return b"".join(parts)


def names_of(command: click.Command, *name: str) -> list[str]:
    """Of a command and all below it."""
    below = command.commands if isinstance(command, click.Group) else None
    return [" ".join(name)] if below is None else [one for key, part in below.items() for one in names_of(
        part, *name, key)]


def test_each_command_did_its_work(done):
    assert {name: answer.code for name, answer in done[0].items()} == dict.fromkeys(ALL, 0), done[0]


def test_no_command_is_forgotten():
    assert sorted(names_of(lsdc)) == sorted([*ALL, *ELSEWHERE])


def test_no_name_is_said(done):
    said = {name: secret for name, answer in done[0].items() for secret in SECRETS if secret in answer.said}
    assert said == {}


def test_no_name_is_kept(done):
    files = [path for path in done[1].rglob("*") if path.is_file()]
    assert {".html", ".safetensors", ".csv", ".json", ".whl"} <= {path.suffix for path in files}
    assert any("series" in path.parts for path in files), "the store of decoded series is empty"
    there = contents(next(done[1].parent.rglob("*.dcm")))
    assert [secret for secret in SECRETS if secret.encode() not in there] == []  # it is found where it is
    found = {path.relative_to(done[1]).as_posix(): secret for path in files for secret in SECRETS
             if secret.encode() in contents(path)}
    assert found == {}


def test_nothing_goes_to_the_network(done):
    assert done[2].read_text() == ""


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("subject", ["stages", "phantom", "labels", "physics", "evidence", "audit", "scores", "report",
                                     "sizes"])
def test_no_subject_of_bench_goes_to_the_network(tmp_path, subject):
    """But for those that train, as `train` does, or need a trained run, as `predict` above does."""
    log = tmp_path / "network.log"
    log.touch()
    least = ["--studies", "100", "--training", "4", "--scoring", "2", "--steps", "2"]
    [answer] = told([(["bench", *SMOKE, *FEW, "--what", subject, *least], {})], tmp_path, network=log)
    assert (answer.code, log.read_text()) == (0, ""), answer.said


@pytest.mark.parametrize("attempt", [
    "s.connect(('192.0.2.1', 80))", "s.connect_ex(('192.0.2.1', 80))", "s.bind(('127.0.0.1', 0)); s.listen()",
    "s.listen()", "socket.getaddrinfo('example.org', 80)", "socket.gethostbyname('example.org')",
    "socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 53))",
    "import _socket; _socket.socket().connect(('192.0.2.1', 80))"])
def test_what_goes_there_would_be_seen(tmp_path, attempt):
    """The guard itself, which the test above relies on."""
    log = tmp_path / "network.log"
    code = f"import socket; s = socket.socket(); {attempt}"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                           env={"PYTHONPATH": str(ROOT / "tests" / "guard"), "LSDC_NETWORK_LOG": str(log)})
    assert "network attempt refused" in ended.stderr
    assert len(log.read_text().splitlines()) == 1
