import pytest

from tests.cli.test_commands import lsdc, place  # noqa: F401 (a fixture)


@pytest.mark.parametrize(("words", "message"), [
    (("ablation", "--only", "no_such"), "there is no row of this name\n  wanted: default, "),
    (("ablation", "--folds", "0,5"), "a fold that does not exist\n  wanted: 0 to 1\n  got:    5"),
    (("ablation", "--variants", "mine.yaml"), "bad: training.epoch: unknown key (did you mean epochs?)"),
    (("quality", "--set", "detector.epoch=3"), "detector.epoch: unknown key"),
    (("quality", "--folds", "one"), "'one': wanted numbers with commas between them"),
    (("quality", "--report-only"), "nothing of this table is trained\n  wanted: runs quality-*"),
    (("quality", "--report-only", "--run", "mine"), "nothing of this table is trained\n  wanted: runs mine-*"),
    (("quality", "--data", "nowhere"), "the competition folder does not exist"),
])
def test_what_is_wrong_is_told_before_the_phantom_is_made(place, words, message):  # noqa: F811
    (place / "mine.yaml").write_text("bad: [training.epoch=3]\n")
    told = lsdc("bench", "--what", *words, cwd=place)
    assert told.returncode == 2
    assert message in told.stderr
    assert "Traceback" not in told.stderr
    assert not (place / ".lsdc").exists()
