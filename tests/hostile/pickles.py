"""Files that create a marker file when somebody unpickles them, under the names and in the formats of weights."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import torch


class Executes:
    """Unpickling it calls os.mkdir(marker)."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def zipped(path: Path, marker: Path) -> None:
    content = {"model": Executes(marker), "ema": None, "epoch": 1, "state_dict": {"fc.weight": torch.ones(2, 2)}}
    torch.save(content, path)


def legacy(path: Path, marker: Path) -> None:
    torch.save({"model": Executes(marker), "epoch": 1}, path, _use_new_zipfile_serialization=False)


def plain(path: Path, marker: Path) -> None:
    path.write_bytes(pickle.dumps({"model": Executes(marker)}, protocol=4))


def ancient(path: Path, marker: Path) -> None:
    path.write_bytes(pickle.dumps({"model": Executes(marker)}, protocol=0))


FORMS = {"zipped": zipped, "legacy": legacy, "plain": plain, "ancient": ancient}


def calling(path: Path, named: str, *given: object) -> None:
    """A file of torch.save in whose middle `named` (module.name) is called with plain values."""
    module, name = named.rsplit(".", 1)
    words = pickle.dumps(given, protocol=2)[2:-1]  # without its header and its end
    called = b"\x80\x02" + b"c" + f"{module}\n{name}\n".encode() + words + b"R."
    made = io.BytesIO()
    torch.save({"epoch": 1}, made)
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(path, "w") as target:
        for one in source.namelist():
            target.writestr(one, called if one.endswith("data.pkl") else source.read(one))
