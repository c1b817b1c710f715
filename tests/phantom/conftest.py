"""One small phantom, made once for all tests of this room."""

from pathlib import Path

import pytest

from lsdc.config import PhantomSettings
from lsdc.phantom import generate

SETTINGS = PhantomSettings(train_studies=2, test_studies=1, seed=4, quirks=(), variants=())


@pytest.fixture(scope="session")
def phantom(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("phantom")
    generate(root, SETTINGS, workers=1)
    return root


def contents(root: Path) -> dict[str, bytes]:
    """Bytes of every file below a folder, by relative path."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
