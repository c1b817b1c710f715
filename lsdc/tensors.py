"""Files of torch.save read without running what is in them: a pickle may name any function and have it called.

torch's own reader for `weights_only` builds tensors and plain values alone. Where a file holds whole networks, as
ultralytics writes them, every class it names is replaced by an inert one, and the tensors are taken out of those.
"""

import pickle
import pickletools
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from lsdc.errors import WeightsError, shortened

NETWORKS = ("ultralytics.", "torch.nn.modules.", "numpy.", "pathlib.")  # where the classes of a network's file are
MOST_PACKED = 2**26  # bytes that an archive may gain by being unpacked: the code of TorchScript is packed
PLAIN = "take a file from a source that you trust, as safetensors or as a checkpoint of plain tensors"


class CodeRefusedError(WeightsError):
    """A file that names more than tensors and plain values, and so could run something; nothing of it was run."""


class _Inert:
    """Stands for any class or function of a file: takes what it is given and does nothing."""

    def __new__(cls, *given, **named):
        return object.__new__(cls)

    def __init__(self, *given, **named):
        pass

    def __setstate__(self, state):
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.__dict__.update({key: value for key, value in part.items() if isinstance(key, str)})


def read_tensors(path: Path, *, remedy: str = PLAIN, networks: bool = False) -> object:
    """What torch.save wrote to a file: tensors, numbers, texts, and containers of them, on the CPU.

    networks: whole networks may be in it too; `tensors_of` finds their tensors.
    CodeRefusedError where the file names anything else, WeightsError where it cannot be read.
    """
    check_unpacked(path, remedy)
    try:
        inert = _inert(path) if networks and zipfile.is_zipfile(path) else nullcontext()
        with inert:
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "nsupported operand" in str(error) and not _is_pickle(path):
            raise _damaged(path, "a file of another kind") from error
        said = next((line.strip() for line in str(error).splitlines() if "nsupported" in line), str(error))
        raise CodeRefusedError(
            "this weights file cannot be read without running code, and was refused", where=path, remedy=remedy,
            wanted="tensors and plain values", got=shortened(said.split(". Please use")[0])) from error
    except Exception as error:  # what damaged bytes lead to
        raise _damaged(path, shortened(f"{type(error).__name__}: {error}")) from error


def check_unpacked(path: Path, remedy: str = PLAIN) -> None:
    """WeightsError for an archive that claims to unpack to far more than it is: torch writes tensors as they are."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(one.file_size for one in archive.infolist())
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):  # told when it is read
        return
    if size > (wanted := Path(path).stat().st_size + MOST_PACKED):
        raise WeightsError("this file unpacks to far more than it is, and was refused", where=path, remedy=remedy,
                           wanted=f"at most {wanted} bytes", got=f"{size} bytes")


def _damaged(path: Path, got: str) -> WeightsError:
    return WeightsError("the weights file cannot be read", where=path, wanted="a whole file of torch.save", got=got,
                        remedy="fetch the file again, or name another")


def _is_pickle(path: Path) -> bool:
    """Whether a file could be read as one; nothing of it is run."""
    try:
        with Path(path).open("rb") as file:
            return any(name.name == "STOP" for name, _, _ in pickletools.genops(file))
    except Exception:  # what other bytes lead to
        return False


def tensors_of(content: object) -> dict[str, torch.Tensor]:
    """The named tensors of what `read_tensors` gave: of a network (its average first), or of a state dict.

    WeightsError where it contains itself.
    """
    try:
        for name in ("ema", "model", "state_dict"):
            if isinstance(content, dict) and content.get(name) is not None:
                return tensors_of(content[name])
        if isinstance(content, dict):
            return {str(key): value for key, value in content.items() if isinstance(value, torch.Tensor)}
        return dict(_walk(content, ""))
    except RecursionError as error:
        raise WeightsError("this file contains itself", wanted="the tensors of a network", remedy=PLAIN) from error


def _walk(module: object, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    held = vars(module) if isinstance(module, _Inert) else {}
    for kind in ("_parameters", "_buffers"):
        for name, value in (held.get(kind) or {}).items():
            if isinstance(value, torch.Tensor):
                yield f"{prefix}{name}", value.detach()
    for name, child in (held.get("_modules") or {}).items():
        yield from _walk(child, f"{prefix}{name}.")


def _inert(path: Path):
    named = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    return torch.serialization.safe_globals(
        [(type("Inert", (_Inert,), {}), name) for name in named if name.startswith(NETWORKS)])


def read_safetensors(path: Path, *, remedy: str = PLAIN) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, on the CPU; WeightsError for a file that is none, whatever its name."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError("the weights file cannot be read", where=path, wanted="a whole file of safetensors",
                           got=shortened(str(error)), remedy=remedy) from error
