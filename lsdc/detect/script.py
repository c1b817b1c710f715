"""An exported network's file, looked at before it is asked: TorchScript can write files, a network need not.

Text can be spelled in many ways (`torch. save(...)`, `f = torch.save`), and readers of archives differ in what they
find. So torch's own reader opens the file, and what is looked at is the graph that torch makes of it, which is all
that will run; how large its tensors become is seen on tensors without memory. Loading runs code of the file in the
cases of RUN_ON_LOADING only: such a file is not loaded.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from lsdc.errors import WeightsError, shortened
from lsdc.tensors import check_unpacked

RUN_ON_LOADING = (b"__setstate__", b"torch.classes", b"__forward_hooks__", b"__forward_pre_hooks__")
OLD_FORMAT = "model.json"  # of 2019: there, any file may hold code
# of a traced network: one step after the other, no loop that could be endless, nothing made but from what is there
ARITHMETIC = frozenset(f"aten::{name}" for name in (
    "_convolution", "add", "add_", "avg_pool2d", "batch_norm", "cat", "chunk", "conv2d", "cumsum", "div", "flatten",
    "max_pool2d", "mean", "mul", "narrow", "neg", "pow", "reshape", "select", "sigmoid", "silu", "silu_", "size",
    "slice", "split", "split_with_sizes", "stack", "sub", "unsqueeze", "upsample_nearest2d", "view",
)) | frozenset(f"prim::{name}" for name in (
    "Constant", "GetAttr", "ListConstruct", "ListUnpack", "TupleConstruct", "TupleUnpack",
))
PROBES = ((1, 64), (16, 64), (1, 1024))  # images and their px: tensors are to grow as these do, and no faster
MOST_GROWTH, MOST_TOGETHER = 50, 2000  # times the images' pixels: 12 in a tensor of yolov8m, 345 in all that it makes
REMEDY = "train the fold again, or take the folder from a source that you trust"


def load_script(path: Path, device: torch.device) -> torch.jit.ScriptModule:
    """The network of a TorchScript file; WeightsError unless it does the arithmetic of a network and nothing else."""
    path = Path(path)
    try:
        _check_archive(path)
        network = torch.jit.load(path, map_location=device)
        nodes = list(_nodes(network.inlined_graph))
    except (RuntimeError, AttributeError, UnicodeDecodeError) as error:  # no archive; no network in it; no forward
        raise _unreadable(path, shortened(str(error).strip().splitlines()[0])) from error
    if strange := sorted({node.kind() for node in nodes} - ARITHMETIC):
        raise _refused(path, strange)
    if changed := sorted({node.kind() for node in nodes if _changes_what_is_given(node)}):
        raise _refused(path, [f"{kind} on what it is given or keeps" for kind in changed])
    _check_sizes(path)
    return network


def _changes_what_is_given(node: torch._C.Node) -> bool:
    return node.kind().endswith("_") and next(node.inputs()).node().kind() in ("prim::Param", "prim::GetAttr")


def _check_sizes(path: Path) -> None:
    """WeightsError where images would become tensors far larger than they are: found without memory for any."""
    try:
        asked = _asked(torch.jit.load(path, map_location="cpu").eval())
    except Exception as error:  # an operation may raise anything about shapes
        raise _unreadable(path, shortened(str(error).strip().split("\n")[-1])) from error
    for (images, px), made in zip(PROBES, asked, strict=True):
        pixels = images * px**2
        if made.largest > MOST_GROWTH * pixels or made.together > MOST_TOGETHER * pixels:
            raise _refused(path, [f"tensors of {made.largest} numbers and {made.together} together for {images} images "
                                  f"of {px} x {px}"])


def _asked(network: torch.jit.ScriptModule) -> "list[Made]":
    for kept in (*network.parameters(), *network.buffers()):
        if kept.numel() * kept.element_size() > kept.untyped_storage().nbytes():
            raise ValueError("a tensor of it is larger than what is stored of it")
    asked = []
    for images, px in PROBES:
        as_written = torch.jit.optimized_execution(False)  # to improve the graph, constants would have to be compared
        with torch.no_grad(), as_written, FakeTensorMode(allow_non_fake_inputs=True), Made() as made:
            network(torch.zeros(images, 1, px, px))
        asked.append(made)
    return asked


class Made(TorchDispatchMode):
    """While it is entered, how many numbers the operations make: in the largest tensor, and in all together."""

    def __init__(self):
        super().__init__()
        self.largest = self.together = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        made = operation(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else (made,):
            if isinstance(one, torch.Tensor):
                self.largest, self.together = max(self.largest, one.numel()), self.together + one.numel()
        return made


def _check_archive(path: Path) -> None:
    check_unpacked(path, REMEDY)
    reader = torch._C.PyTorchFileReader(str(path))
    names = reader.get_all_records()
    if not any(name.endswith(".py") for name in names):
        raise _unreadable(path, "an archive without a network")
    strange = ["two files of one name"] if len({name.lower() for name in names}) < len(names) else []
    strange += [OLD_FORMAT] if OLD_FORMAT in names else []
    text = b"\n".join(reader.get_record(name) for name in names if name.endswith((".py", ".pkl")))
    strange += [word.decode() for word in RUN_ON_LOADING if word in text]
    if strange:
        raise _refused(path, strange)


def _nodes(block: torch._C.Graph | torch._C.Block) -> Iterator[torch._C.Node]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _unreadable(path: Path, got: str) -> WeightsError:
    return WeightsError("the detector's network cannot be read", where=path, wanted="a TorchScript file", got=got,
                        remedy=REMEDY)


def _refused(path: Path, strange: list[str]) -> WeightsError:
    return WeightsError("the detector's network does more than a network does, and was refused", where=path,
                        wanted="the arithmetic of YOLOv8", got=", ".join(strange[:8]), remedy=REMEDY)
