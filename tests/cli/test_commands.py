import subprocess
import sys

import pytest


def lsdc(*words, cwd, **environment):
    import os

    return subprocess.run([sys.executable, "-m", "lsdc", *map(str, words)], cwd=cwd, capture_output=True, text=True,
                          env=os.environ | environment)


@pytest.fixture
def place(tmp_path):
    """An empty working folder with the configs beside it, as after a clone."""
    from pathlib import Path

    (tmp_path / "configs").symlink_to(Path("configs").absolute())
    return tmp_path


def test_help_lists_the_commands_in_flow_order(place):
    told = lsdc("--help", cwd=place)
    assert told.returncode == 0
    names = [line.split()[0] for line in told.stdout.partition("Commands:")[2].splitlines() if line.strip()]
    flow = ["phantom", "audit", "train-fold", "train", "evaluate", "runs", "summary", "report", "blend", "predict",
            "submit", "submissions", "bundle", "bench", "doctor"]
    assert [name for name in names if name in flow] == flow


@pytest.mark.parametrize(("words", "message"), [
    (("train-fold", "--fold", 7), "a fold that does not exist\n  wanted: 0 to 4\n  got:    7"),
    (("train-fold", "--fold", 0, "--set", "detector.epoch=3"), "detector.epoch: unknown key (did you mean epochs?)"),
    (("train-fold", "--fold", 0, "--config", "nothing.yaml"), "a config file cannot be read"),
    (("train-fold", "--fold", 0, "--data", "nowhere"), "the competition folder does not exist"),
    (("train-fold", "--fold", 0, "--set", "compute.accelerator=gpu"), "a GPU was asked for and none can be used"),
    (("train-fold", "--fold", 0, "--set", "detector.weights=configs/phantom.yaml"),
     "the weights file cannot be read\n  wanted: a whole file of torch.save\n  got:    a file of another kind"),
    (("train-fold", "--fold", 0, "--set", "classifier.network=deepscorenet", "--set", "classifier.weights=/nope"),
     "DeepScoreNet has no pretrained weights"),
    (("phantom", "--quirks", "no_such"), "unknown quirks"),
    (("evaluate",), "this run does not exist"),
    (("evaluate", "--config", "nothing.yaml"), "a config file cannot be read"),
    (("summary", "--run", "mine"), "this run does not exist\n  wanted: mine"),
    (("runs", "mine"), "there is no run of this name\n  wanted: mine\n  got:    no run at all"),
    (("submit", "--run", "mine"), "this run does not exist\n  wanted: mine"),
    (("bundle", "mine"), "this run does not exist\n  wanted: mine"),
    (("bundle", "unfold", "nowhere", "--into", "x"), "this is no bundle\n  wanted: lsdc-bundle.json"),
])
def test_bad_input_gets_one_clear_error(place, words, message):
    told = lsdc(*words, cwd=place, CUDA_VISIBLE_DEVICES="")
    assert told.returncode == 2
    assert f"error: {message}" in told.stderr or message in told.stderr
    assert "Traceback" not in told.stderr
    assert not (place / ".lsdc" / "runs").exists()


def test_doctor_tells_the_truth_about_the_data(place):
    told = lsdc("doctor", "--data", "nowhere", cwd=place)
    assert told.returncode == 1
    assert "FAIL data" in told.stdout
    assert "ok   torch" in told.stdout


def test_a_missing_package_of_the_command_line_is_named(place):
    (place / "click.py").write_text("raise ModuleNotFoundError(\"No module named 'click'\")\n")
    told = lsdc("doctor", cwd=place)
    assert told.returncode == 1
    assert "got:    No module named 'click'\n  to do:  make setup" in told.stderr
