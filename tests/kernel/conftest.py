"""One tiny run, one bundle of it and one clean environment for all tests of this room."""

import random
import shutil
from pathlib import Path

import pytest

from lsdc.kernel import Order, make_bundle
from lsdc.kernel.environment import Environment, make_environment
from lsdc.kernel.image import IMAGES
from lsdc.kernel.metadata import Names
from lsdc.runs import RunFolder
from tests.builders import write_competition
from tests.kernel.tiny_run import write_run

IMAGE = IMAGES["2026"]
NAMES = Names("someone", "lsdc bundle tiny", "lsdc submit tiny")


def order(*runs: RunFolder, **changed) -> Order:
    return Order(**({"runs": runs, "names": NAMES, "image": IMAGE, "fallback_limit": 1.0} | changed))


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> RunFolder:
    return write_run(tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture(scope="session")
def made(run, tmp_path_factory) -> Path:
    """A bundle; only to be read."""
    out = tmp_path_factory.mktemp("bundles") / "bundle"
    make_bundle(order(run), out)
    return out


@pytest.fixture
def bundle(made, tmp_path) -> Path:
    """A copy of it, to be spoiled."""
    return shutil.copytree(made, tmp_path / "bundle")


@pytest.fixture(scope="session")
def here(tmp_path_factory) -> Environment:
    return make_environment("here", IMAGE, tmp_path_factory.mktemp("environments"))


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """A competition folder of two tiny test studies, the sample shuffled."""
    root = write_competition(tmp_path_factory.mktemp("data") / "competition", test_studies=(2001, 2002))
    header, *rows = (root / "sample_submission.csv").read_text().splitlines()
    random.Random(3).shuffle(rows)  # noqa: S311
    (root / "sample_submission.csv").write_text("\n".join([header, *rows]) + "\n")
    return root
