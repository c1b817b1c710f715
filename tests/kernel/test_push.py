import shutil
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from lsdc.cli.on_bundle import bundle as bundle_command
from lsdc.errors import ConfigError, DataError, LsdcError
from lsdc.kernel import make_bundle
from lsdc.kernel.metadata import NOBODY, Names
from lsdc.kernel.push import push_commands
from tests.kernel.conftest import order


def push(*words, path):
    """What the command said, on stdout and stderr; LsdcError as it is raised."""
    result = CliRunner(env={"PATH": str(path)}).invoke(bundle_command, ["push", *map(str, words)],
                                                       standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


@pytest.fixture
def client(tmp_path):
    """A folder with a kaggle client that writes down what it is told, and fails at what FAIL says."""
    program, log = tmp_path / "bin" / "kaggle", tmp_path / "log"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\n[ "$1" = "$FAIL" ] && exit 3\nexit 0\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program.parent, log


def test_it_is_shown_and_nothing_is_done_unasked(made, client):
    told = push(made, path=client[0])
    assert told.stdout.splitlines()[0].startswith(f"kaggle datasets version -p {made} --keep-tabular -m 'lsdc ")
    assert told.stdout.splitlines()[1] == f"kaggle kernels push -p {made}"
    assert "nothing was done" in told.stderr
    assert not client[1].exists()


def test_asked_it_is_done_in_order(made, client):
    push(made, "--new", "--yes", path=client[0])
    assert client[1].read_text().splitlines() == [f"datasets create -p {made} --keep-tabular",
                                                  f"kernels push -p {made}"]


def test_the_first_failure_stops_it(made, client, monkeypatch):
    monkeypatch.setenv("FAIL", "datasets")
    with pytest.raises(LsdcError, match=r"the kaggle client failed(.|\n)*ended with 3"):
        push(made, "--yes", path=client[0])
    assert len(client[1].read_text().splitlines()) == 1


def test_without_the_client(made, tmp_path):
    with pytest.raises(LsdcError, match="the kaggle client is not installed"):
        push(made, "--yes", path=tmp_path)


def test_a_bundle_that_is_nobodys_or_was_changed(bundle, run, tmp_path, monkeypatch):
    (bundle / "notes.txt").touch()
    with pytest.raises(DataError, match=r"extra: notes\.txt"):
        push_commands(bundle, new=False)
    monkeypatch.setattr("lsdc.kernel.bundle.build_wheel", lambda out: Path(shutil.copy(
        next(bundle.glob("*.whl")), out)))
    make_bundle(order(run, names=Names(NOBODY, "lsdc bundle tiny", "lsdc submit tiny")), tmp_path / "out")
    with pytest.raises(ConfigError, match=r"nobody's yet(.|\n)*OWNER"):
        push_commands(tmp_path / "out", new=True)
