"""An exported network's file, looked at before it is loaded: TorchScript can write files, a network need not."""

import re
import zipfile
from pathlib import Path

from lsdc.errors import WeightsError

CALLED = re.compile(r"(?<![\w.])(torch|ops)\.([A-Za-z_][\w.]*)\(")
ARITHMETIC = frozenset({
    "_convolution", "add", "add_", "append", "arange", "avg_pool2d", "batch_norm", "cat", "chunk", "conv2d", "copy_",
    "div", "flatten", "lt", "max_pool2d", "mul", "narrow", "neg", "pow", "remainder", "reshape", "select", "sigmoid",
    "silu", "silu_", "size", "slice", "split", "split_with_sizes", "stack", "sub", "tensor", "unsqueeze",
    "upsample_nearest2d", "view", "zeros", "__is__",
})
ASKED = frozenset({"prim.device", "prim.dtype"})
REMEDY = "train the fold again, or take the folder from a source that you trust"


def check_script(path: Path) -> None:
    """WeightsError unless a TorchScript file holds the arithmetic of a network and nothing else.

    Its text is read and not run; code that is run on loading (__setstate__) is refused too.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.lower() for name in archive.namelist()]
            text = "\n".join(archive.read(name).decode("utf-8") for name in archive.namelist()
                             if name.lower().endswith(".py"))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise WeightsError("the detector's network cannot be read", where=path, wanted="a TorchScript file", got=error,
                           remedy=REMEDY) from error
    if not text:
        raise WeightsError("the detector's network cannot be read", where=path, wanted="a TorchScript file",
                           got="an archive without a network", remedy=REMEDY)
    strange = sorted({f"{space}.{name}" for space, name in CALLED.findall(text)
                      if name not in (ASKED if space == "ops" else ARITHMETIC)})
    strange += ["two files of one name"] if len(set(names)) < len(names) else []  # torch might read the other one
    strange += ["__setstate__"] if "__setstate__" in text else []
    if strange:
        raise WeightsError("the detector's network does more than a network does, and was refused", where=path,
                           wanted="the arithmetic of YOLOv8", got=", ".join(strange[:8]), remedy=REMEDY)
