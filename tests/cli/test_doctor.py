"""The doctor on small made-up packages, disks and folders. The whole real one runs in test_commands.py."""

import pytest

from lsdc.cli import doctor
from tests.builders import write_competition


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package of one module with this source, here and in processes started from here."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))

    def make(name: str, source: str) -> None:
        (site / f"{name}.py").write_text(source)
        (site / f"{name}-1.5.dist-info").mkdir()
        (site / f"{name}-1.5.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")

    return make


@pytest.fixture
def look(tmp_path, monkeypatch):
    """All findings by name, with only the packages given, and folders below tmp_path."""
    monkeypatch.setenv("LSDC_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path / "cache"))

    def examine(needed=(), training=(), bundles=(), tasks=(), data=None, deep=True) -> dict[str, doctor.Finding]:
        monkeypatch.setattr(doctor, "NEEDED", {name: name for name in needed})
        monkeypatch.setattr(doctor, "FOR_TRAINING", {name: name for name in training})
        monkeypatch.setattr(doctor, "FOR_BUNDLES", {name: name for name in bundles})
        monkeypatch.setattr(doctor, "FOR_TASKS", {name: name for name in tasks})
        return {finding.what: finding for finding in doctor.examine(data, deep=deep)}

    return examine


def test_every_dependency_is_looked_at():
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    names = {"needed": project["dependencies"], "training": optional["train"], "bundles": optional["kernel"],
             "tasks": optional["cluster"]}
    names = {kind: {text.partition(">")[0] for text in texts} for kind, texts in names.items()}
    assert names == {"needed": set(doctor.NEEDED.values()), "training": set(doctor.FOR_TRAINING.values()),
                     "bundles": set(doctor.FOR_BUNDLES.values()), "tasks": set(doctor.FOR_TASKS.values())}


def test_a_package_that_is_there(install, look):
    install("lsdc_fine", "")
    found = look(needed=["lsdc_fine"])["lsdc_fine"]
    assert found.line == f"ok   {'lsdc_fine':<26}1.5"
    assert look(training=["lsdc_fine"])["lsdc_fine"] == found


def test_a_missing_package(look):
    found = look(needed=["lsdc_absent"])["lsdc_absent"]
    assert found.fatal
    assert (found.found, found.remedy) == ("not installed", "make setup")
    found = look(training=["lsdc_absent"])["lsdc_absent"]
    assert found.fault
    assert not found.fatal
    assert found.line.startswith("warn lsdc_absent")
    assert found.remedy == "make setup (training needs it; inference does not)"
    found = look(tasks=["lsdc_absent"])["lsdc_absent"]
    assert found.remedy == "make setup (launching tasks needs it; inference does not)"
    for deep in (True, False):
        found = look(bundles=["lsdc_absent"], deep=deep)["lsdc_absent"]
        assert (found.fault, found.fatal) == (True, False)
        assert found.remedy == "make setup (making and verifying bundles needs it; inference does not)"


@pytest.mark.parametrize(("source", "message"), [
    ("import lsdc_lost", "No module named 'lsdc_lost'"),
    ("raise ValueError('numpy.dtype size changed')", "numpy.dtype size changed"),
])
def test_a_broken_package(install, look, source, message):
    install("lsdc_broken", source)
    found = look(needed=["lsdc_broken"])["lsdc_broken"]
    assert found.fatal
    assert found.found == f"1.5 cannot be imported: {message}"
    found = look(training=["lsdc_broken"])["lsdc_broken"]
    assert not found.fatal
    assert found.fault
    assert found.found.startswith("1.5 cannot be imported: ")
    assert found.found.endswith(message)
    assert "install it again" in found.remedy


def test_training_packages_are_only_looked_for_unless_asked(install, look):
    install("lsdc_broken", "raise ValueError")
    found = look(training=["lsdc_broken", "lsdc_absent"], deep=False)
    assert found["lsdc_broken"].found == "1.5"
    assert found["lsdc_absent"].found == "not installed"


def test_a_training_package_that_takes_its_process_along_or_never_ends(install, look, monkeypatch):
    install("lsdc_crash", "import os; os.kill(os.getpid(), 9)")
    install("lsdc_fine", "")
    found = look(training=["lsdc_crash", "lsdc_fine"])
    assert found["lsdc_crash"].found == "1.5 cannot be imported: its process ended with -9"
    assert not found["lsdc_fine"].fault
    install("lsdc_endless", "while True: pass")
    monkeypatch.setattr(doctor, "IMPORT_SECONDS", 0.2)
    assert look(training=["lsdc_endless"])["lsdc_endless"].found.endswith("not done after 0.2 s")


def test_system_libraries_of_opencv_are_named(install, look):
    install("lsdc_cv", "raise ImportError('libGL.so.1: cannot open shared object file')")
    assert look(needed=["lsdc_cv"])["lsdc_cv"].remedy.endswith("apt-get install libgl1 libglib2.0-0")


def test_no_room(look, monkeypatch):
    assert not look()["runs"].fault
    monkeypatch.setattr(doctor, "ROOM_GIGABYTES", 10**9)
    found = look()
    assert found["runs"].fault
    assert not found["runs"].fatal
    assert found["runs"].remedy == "free some space, or move it with LSDC_RUNS"
    assert found["cache"].remedy.endswith("LSDC_CACHE")


def test_no_permission(look, tmp_path, monkeypatch):
    (tmp_path / "runs").write_text("a file in the way")
    assert look()["runs"].fatal
    assert not look()["cache"].fault
    monkeypatch.setattr(doctor.os, "access", lambda place, mode: place != tmp_path)
    found = look()["cache"]
    assert found.fatal
    assert found.found == f"{tmp_path / 'cache'}: no permission to write"
    assert found.remedy == "move it with LSDC_CACHE (make CACHE=...)"


def test_the_data(look, tmp_path):
    root = write_competition(tmp_path / "data")
    assert look(data=root)["data"].found == f"{root}: 2 training and 1 test studies"
    for name in ("train.csv", "sample_submission.csv"):
        (root / name).write_text("nothing\n")
    found = look(data=root)["data"]
    assert found.fatal
    assert "\n     train.csv: columns missing: study_id" in found.found
    assert "sample_submission.csv: columns missing: row_id" in found.found
    assert "lsdc audit" in found.remedy
