"""What the commands of this room work on, made once: toy studies to train on and to predict, runs to be blended."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from lsdc.config import load_settings
from tests.blend.made_runs import write_graded, write_predicted
from tests.detect.toy import write_toy_folder
from tests.faults import commands
from tests.faults.killing import Case, Undisturbed, undisturbed
from tests.kernel.tiny_run import write_fold
from tests.submit.tiny import tiny_run, toy_test_part

STUDIES = [101, 102, 103, 104]


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("toy") / "competition"
    write_toy_folder(root, STUDIES)
    return root


@pytest.fixture(scope="session")
def located(make_place, toy_data) -> Undisturbed:
    """Where a fold has a detector, and the places that it finds."""
    return undisturbed(commands.detector(toy_data), make_place("located"))


@pytest.fixture(scope="session")
def graded_data(tmp_path_factory) -> Path:
    return write_graded(tmp_path_factory.mktemp("graded") / "competition", test_studies=(2001, 2002, 2003))


@pytest.fixture(scope="session")
def runs(tmp_path_factory, graded_data) -> Path:
    """Runs one and two of three folds: networks as they are drawn, and predictions that can be blended."""
    root = tmp_path_factory.mktemp("runs")
    for name in ("one", "two"):
        run = write_predicted(root / name, graded_data, "configs/smoke.yaml")
        answers = {fold: run.fold(fold).predictions.read_bytes() for fold in range(3)}
        for fold, table in answers.items():
            write_fold(run.fold(fold), load_settings(run.config))
            run.fold(fold).predictions.write_bytes(table)
    return root


@pytest.fixture(scope="session")
def cases(request, tmp_path_factory, make_place) -> Callable[[str], tuple[Case, Undisturbed]]:
    """By name, the commands that are killed, undisturbed once; what one needs is made when it is asked for."""
    ask = request.getfixturevalue

    def predicted() -> Case:
        root = tmp_path_factory.mktemp("tiny")
        return commands.prediction(toy_test_part(root / "data", tuple(range(301, 306))),
                                   tiny_run(root / "runs" / "tiny", (0,)).path.parent, "tiny")

    def submitted() -> Case:
        blend = quiet("blending")[1].folder / "made" / "blend.json"
        return commands.blended_submission(ask("runs"), blend, ask("graded_data"))

    makers = {
        "phantom": commands.phantom,
        "detector": lambda: commands.detector(ask("toy_data")),
        "classifier": lambda: commands.classifier(ask("toy_data"), ask("located").folder),
        "prediction": predicted,
        "blending": lambda: commands.blending(ask("runs"), ask("graded_data")),
        "blended submission": submitted,
    }

    @functools.cache
    def quiet(name: str) -> tuple[Case, Undisturbed]:
        case = makers[name]()
        return case, ask("located") if name == "detector" else undisturbed(case, make_place("quiet"))

    return quiet
