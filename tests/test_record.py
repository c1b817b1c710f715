import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

import lsdc
from lsdc.record import PACKAGES, commit, data_fingerprint, environment


def test_the_fingerprint_is_of_names_and_bytes_of_the_csv_files(tmp_path):
    (tmp_path / "train.csv").write_bytes(b"study_id\n1\n")
    (tmp_path / "points.csv").write_bytes(b"x\n")
    first = data_fingerprint(tmp_path)
    (tmp_path / "train_images").mkdir()
    (tmp_path / "notes.txt").touch()
    assert data_fingerprint(tmp_path) == first
    (tmp_path / "train.csv").write_bytes(b"study_id\n2\n")
    changed = data_fingerprint(tmp_path)
    (tmp_path / "points.csv").rename(tmp_path / "other.csv")
    renamed = data_fingerprint(tmp_path)
    (tmp_path / "train.csv").write_bytes(b"study_id\n1\n")
    (tmp_path / "other.csv").rename(tmp_path / "points.csv")
    assert len({first, changed, renamed}) == 3
    assert data_fingerprint(tmp_path) == first


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git repository with one commit, whose lsdc/ is the package that `commit` asks about; a runner of git in it."""
    root = tmp_path / "checkout"
    for name in ("lsdc/__init__.py", "configs/phantom.yaml", "README.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("first\n")
    monkeypatch.setattr("lsdc.record.lsdc", SimpleNamespace(__file__=str(root / "lsdc" / "__init__.py")))
    for name in [name for name in os.environ if name.startswith("GIT_")]:  # set where a git hook runs the tests
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))

    def git(*words: str) -> str:
        told = subprocess.run(["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b", "-c",
                               "commit.gpgsign=false", *words], check=True, capture_output=True, text=True)
        return told.stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    return root, git


def test_the_commit_of_a_clean_checkout(checkout):
    root, git = checkout
    assert commit() == git("rev-parse", "HEAD")[:12]
    (root / "README.md").write_text("second\n")  # no code
    assert commit() == git("rev-parse", "HEAD")[:12]


@pytest.mark.parametrize("name", ["lsdc/__init__.py", "lsdc/new.py", "configs/phantom.yaml"])
def test_the_commit_of_a_changed_checkout(checkout, name):
    root, git = checkout
    (root / name).write_text("second\n")
    assert commit() == git("rev-parse", "HEAD")[:12] + "+changes"
    git("add", ".")
    git("commit", "-qm", "second")
    assert commit() == git("rev-parse", "HEAD")[:12]


def test_no_commit_outside_a_checkout_or_without_git(checkout, monkeypatch):
    root, _ = checkout
    (root / ".git").rename(root / "not.git")
    assert commit() is None
    (root / "not.git").rename(root / ".git")
    assert commit() is not None
    monkeypatch.setenv("PATH", str(root))
    assert commit() is None


def test_the_environment_names_versions_and_command(monkeypatch):
    monkeypatch.setattr("sys.argv", [str(Path("somewhere") / "lsdc"), "train", "--run", "mine"])
    monkeypatch.setattr("lsdc.record.PACKAGES", (*PACKAGES, "lsdc-absent"))
    told = environment()
    assert told["lsdc"] == lsdc.__version__
    assert told["packages"]["pydicom"].startswith("3.")
    assert told["packages"]["lsdc-absent"] is None
    assert told["command"] == "lsdc train --run mine"
