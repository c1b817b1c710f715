"""One tiny training for all tests of this room."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lsdc.competition import open_folder
from lsdc.config import load_settings
from lsdc.detect import train_detector
from tests.detect.toy import write_toy_folder

ROOT = Path(__file__).parents[2]
GUARD = '''
import os, socket
def refuse(*args, **keywords):
    with open(os.environ["NETWORK_ATTEMPTS"], "a") as file:
        file.write(repr(args[-1:]) + "\\n")
    raise OSError("no network in tests")
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
class Guarded(socket.socket):
    def connect(self, address):
        refuse(address)
    connect_ex = connect
socket.socket = Guarded
'''


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("toy")
    truth = write_toy_folder(root, [101, 102, 103, 104])
    return SimpleNamespace(folder=open_folder(root), truth=truth)


@pytest.fixture(scope="session")
def toy_settings():
    return load_settings(ROOT / "configs" / "phantom.yaml", [
        "detector.mm_per_px=2.5", "detector.image_px=96", "detector.epochs=2", "detector.slices_per_series=4",
        "detector.confidence=0.005", "compute.workers=1", "compute.accelerator=cpu",
    ])


@pytest.fixture(scope="session")
def trained(toy_folder, toy_settings, tmp_path_factory):
    """A detector after two epochs, what its training wrote outside of its folders, and its network attempts."""
    place = tmp_path_factory.mktemp("trained")
    guard, home = place / "guard", place / "home"
    guard.mkdir()
    home.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    attempts = place / "attempts.txt"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(guard), *filter(None, [os.environ.get("PYTHONPATH")])]))
        patch.setenv("NETWORK_ATTEMPTS", str(attempts))
        patch.setenv("HOME", str(home))
        train_detector(toy_folder.folder, [101, 102, 103], toy_settings.detector, seed=3, fold=1,
                       compute=toy_settings.compute, out=place / "fold1" / "detector")
    return SimpleNamespace(
        out=place / "fold1" / "detector", home=home,
        attempts=attempts.read_text() if attempts.exists() else "", modules=set(sys.modules),
    )
