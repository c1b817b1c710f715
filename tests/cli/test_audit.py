import pandas as pd
import pytest
from click.testing import CliRunner

from lsdc.cli.commands import lsdc
from tests.audit.folders import edit, write_clean


@pytest.fixture
def run(monkeypatch):
    monkeypatch.delenv("LSDC_DATA", raising=False)
    return lambda *words, **environment: CliRunner().invoke(
        lsdc, ["audit", *map(str, words), "--workers", "1"], env=environment)


@pytest.fixture
def root(tmp_path):
    return write_clean(tmp_path / "folder")


def test_exit_codes(run, root):
    assert (clean := run(root)).exit_code == 0
    assert "findings: none" in clean.stdout
    (root / "train_images" / "1001" / "10011" / "1.dcm").write_bytes(b"")
    assert run(root).exit_code == 0  # a warning
    edit(root / "train.csv", ("1002,Normal/Mild", "1002,Mild"))
    assert (fatal := run(root)).exit_code == 1
    assert "fatal: unknown_severity\n  train study 1002: spinal_canal_stenosis_l1_l2 is 'Mild'" in fatal.stdout
    assert run(root, "--part", "test").exit_code == 0
    assert run(root, "--only", "monochrome1").exit_code == 1  # what is listed does not change what was found


def test_words_that_mean_nothing(run, root):
    assert (wrong := run(root, "--only", "nonsense")).exit_code == 2
    assert "the kinds are missing_file, " in wrong.stderr
    assert run(root, "--part", "all").exit_code == 2


def test_the_folder_is_an_argument_an_option_or_a_variable(run, root):
    for told in (run(root), run("--data", root), run(LSDC_DATA=str(root)), run(root, LSDC_DATA="/nowhere")):
        assert told.exit_code == 0
        assert f"audit of {root}" in told.stdout


def test_table(run, root, tmp_path):
    (root / "train_images" / "1001" / "10011" / "1.dcm").write_bytes(b"")
    told = run(root, "--table", tmp_path / "faults.csv")
    assert f"table: {tmp_path / 'faults.csv'}" in told.stdout
    assert pd.read_csv(tmp_path / "faults.csv").kind.tolist() == ["zero_byte_file"]


def test_images_are_decoded_only_when_asked(run, root):
    path = root / "train_images" / "1001" / "10011" / "1.dcm"
    data = path.read_bytes()
    path.write_bytes(data[:-48 * 64 * 2] + b"\x07\x00" * 48 * 64)
    assert "constant_image" not in run(root).stdout
    assert "constant_image" in run(root, "--pixels").stdout
