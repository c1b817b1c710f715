"""An exported network whose TorchScript would write a file: refused in every spelling, and nothing of it runs."""

import io
import json
import os
import struct
import zipfile
from pathlib import Path

import pytest
import torch

from lsdc.detect import Detector
from lsdc.detect.script import load_script
from lsdc.errors import WeightsError
from lsdc.files import file_hash
from tests.kernel.tiny_run import write_run

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
CPU = torch.device("cpu")
SPELLINGS = {
    "plain": 'torch.save([images], "executed")',
    "space before the bracket": 'torch.save ([images], "executed")',
    "space after the point": 'torch. save([images], "executed")',
    "line that goes on": 'torch.\\\nsave([images], "executed")',
    "brackets and a comment": '(torch. # one\n save)([images], "executed")',
    "another name": 'f = torch.save\n    f([images], "executed")',
    "operator": 'ops.aten.save([images], "executed")',
    "in a branch": 'if torch.gt(torch.len(torch.size(images)), 0):\n      torch.save([images], "executed")\n    else:\n'
                   '      pass',
}


class Plain(torch.nn.Module):
    """TorchScript whose text the tests change."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.add(images, 1)


class Maps(torch.nn.Module):
    """TorchScript that makes a file and maps it."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.from_file("executed", shared=True, size=10)


class Wakes(torch.nn.Module):
    """TorchScript that writes a file when it is loaded."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images

    @torch.jit.export
    def __getstate__(self) -> tuple[torch.Tensor, bool]:
        return torch.zeros(1), self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]) -> None:
        torch.save([state[0]], "executed")
        self.training = state[1]


class Hooked(torch.nn.Module):
    """TorchScript whose file is written before its forward."""

    def __init__(self):
        super().__init__()
        self.register_forward_pre_hook(before)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


def before(self, given: tuple[torch.Tensor]) -> None:
    torch.save([given[0]], "executed")


class Loops(torch.nn.Module):
    """TorchScript that would never end."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        while True:
            images = images + 1
        return images


class Asks(torch.nn.Module):
    """TorchScript that asks for terabytes."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.zeros(1 << 43) + images.sum()


def saved(network: torch.nn.Module) -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(network), buffer)
    return buffer.getvalue()


def saying(words: str) -> bytes:
    """The file of `Plain` with a line before its return."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(Plain()))) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith(".py"):
                assert content.count(b"    return ") == 1
                content = content.replace(b"    return ", f"    {words}\n    return ".encode())
            target.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Torch alone would run it, and a file is there: the control. Then the kit's own door, with a hash that fits."""
    monkeypatch.chdir(tmp_path)
    run = write_run(tmp_path / "run").fold(0)
    path, marker = run.detector / "detector.torchscript", Path("executed")

    def check(content: bytes) -> str:
        path.write_bytes(content)
        torch.jit.load(path)(torch.zeros(1))
        assert marker.exists()
        marker.unlink()
        record = json.loads((run.detector / "detector.json").read_text())
        (run.detector / "detector.json").write_text(json.dumps(record | {"sha256": file_hash(path)}))
        with pytest.raises(WeightsError, match=r"(?s)more than a network does.*to do: ") as told:
            Detector.load(run.detector)
        assert not marker.exists()
        return str(told.value)

    return check


@pytest.mark.parametrize("words", SPELLINGS.values(), ids=SPELLINGS)
def test_a_network_that_writes_a_file(refused, words):
    assert "aten::save" in refused(saying(words))


@pytest.mark.parametrize(("network", "named"), [(Maps, "aten::from_file"), (Wakes, "__setstate__"),
                                                (Hooked, "__forward_pre_hooks__")])
def test_other_ways_to_a_file(refused, network, named):
    assert named in refused(saved(network()))


@pytest.mark.parametrize(("network", "named"), [(Loops, "prim::Loop"), (Asks, "aten::zeros")])
def test_a_network_without_an_end(tmp_path, network, named):
    (tmp_path / "net").write_bytes(saved(network()))
    with pytest.raises(WeightsError, match=rf"(?s)more than a network does.*{named}"):
        load_script(tmp_path / "net", CPU)


class Grows(torch.nn.Module):
    """Few steps to tensors that no memory holds."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        for _ in range(34):
            images = torch.cat([images, images], dim=3)
        return images[:, :, :1, :1]


class Squares(torch.nn.Module):
    """Tensors that grow with the square of the pixels."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images.reshape(-1, 1) + images.reshape(1, -1)).mean()


class Crosses(torch.nn.Module):
    """Tensors that grow with a power of the images that are asked together."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        one = images[:, 0, 0, 0]
        for _ in range(5):
            one = (one.reshape(-1, 1) + images[:, 0, 0, 0].reshape(1, -1)).reshape(-1)
        return one


class Corners(torch.nn.Module):
    """Tensors that only large images make."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        corner = images[:, 0, 130:, 130:].reshape(-1)
        return (corner.reshape(-1, 1) + corner.reshape(1, -1)).mean()


class Hoards(torch.nn.Module):
    """Tensors that are many."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([(images + number)[:, :, :1] for number in range(2500)], dim=2)


class Changes(torch.nn.Module):
    """Another answer each time."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.add_(1)
        return images + self.seen


class ChangesImages(torch.nn.Module):
    """TorchScript that changes what it is given."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.add_(1)


@pytest.mark.parametrize(("network", "said"), [
    (Grows, "tensors of 70368744177664 numbers and .* for 1 images of 64 x 64"), (Squares, "for 1 images of 64"),
    (Crosses, "for 16 images of 64"), (Corners, "for 1 images of 1024"), (Hoards, "for 1 images of 64"),
    (Changes, "aten::add_ on what it is given or keeps"), (ChangesImages, "aten::add_ on what it is given or keeps")])
def test_a_traced_network_that_asks_for_too_much_or_changes_what_it_is_given(tmp_path, network, said):
    torch.jit.trace(network(), torch.zeros(0, 1, 4, 4), check_trace=False).save(tmp_path / "net")
    with pytest.raises(WeightsError, match=rf"(?s)more than a network does.*{said}"):
        load_script(tmp_path / "net", CPU)


def test_a_network_with_a_tensor_that_is_not_all_there(tmp_path):
    network = torch.nn.Module()
    network.register_buffer("large", torch.zeros(1).expand(1, 2, 10000, 15000))
    network.forward = lambda images: images + network.large[:, :1, :1, :1]
    torch.jit.trace(network, torch.zeros(1, 1, 4, 4)).save(tmp_path / "net")
    with pytest.raises(WeightsError, match="larger than what is stored of it"):
        load_script(tmp_path / "net", CPU)


class Selects(torch.nn.Module):
    """A row that small images do not have."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, :, 999]


@pytest.mark.parametrize(("network", "shape"), [(torch.nn.Conv2d(3, 1, 1), (1, 3, 4, 4)), (Selects(), (1, 1, 1000, 4))])
def test_a_network_that_cannot_be_asked(tmp_path, network, shape):
    torch.jit.trace(network, torch.zeros(shape)).save(tmp_path / "net")
    with pytest.raises(WeightsError, match="network cannot be read"):
        load_script(tmp_path / "net", CPU)


def test_a_pipe_is_no_detector(tmp_path):
    run = write_run(tmp_path / "run").fold(0)
    (run.detector / "detector.torchscript").unlink()
    os.mkfifo(run.detector / "detector.torchscript")
    with pytest.raises(WeightsError):
        Detector.load(run.detector)


def test_a_file_with_two_directories(refused):
    """Python's zipfile would find the harmless network that stands behind the one that torch finds."""
    bad, good = saying(SPELLINGS["plain"]), saying("pass".ljust(len(SPELLINGS["plain"])))
    ends = [one.rfind(b"PK\5\6") for one in (bad, good)]
    joined = bytearray(bad[:ends[0]] + good)
    (size,) = struct.unpack_from("<L", good, ends[1] + 12)
    (offset,) = struct.unpack_from("<L", bad, ends[0] + 16)
    struct.pack_into("<LL", joined, sum(ends) + 12, size, offset)
    with zipfile.ZipFile(io.BytesIO(joined)) as archive:
        texts = [archive.read(name) for name in archive.namelist() if name.endswith(".py")]
    assert texts
    assert not any(b"torch.save" in text for text in texts)
    assert "aten::save" in refused(bytes(joined))


def test_a_network_with_two_files_of_one_name(tmp_path):
    path = write_run(tmp_path / "run").fold(0).detector / "detector.torchscript"
    assert load_script(path, CPU)(torch.zeros(1, 1, 32, 32)).ndim == 3
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(next(name for name in archive.namelist() if name.endswith(".py")), "")
    with pytest.raises(WeightsError, match="two files of one name"):
        load_script(path, CPU)


@pytest.mark.parametrize("content", [b"", b"PK\5\6" + bytes(18), b"x" * 5000])
def test_a_file_of_another_kind(tmp_path, content):
    (tmp_path / "net").write_bytes(content)
    with pytest.raises(WeightsError, match="network cannot be read"):
        load_script(tmp_path / "net", CPU)
