"""Clean environments to verify in: only what the notebook image has, none of the training libraries."""

import hashlib
import json
import logging
import os
import subprocess
import sys
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lsdc.errors import LsdcError
from lsdc.files import need_space, read_json, write_json, write_text, written_aside
from lsdc.kernel.image import TRAINING, Image

KINDS = ("here", "image", "newest")
TORCH = ("torch", "torchvision")
MARK = "environment.json"
GIGABYTES = {False: 12, True: 2}  # with a torch of its own, and what is downloaded; with a linked one
log = logging.getLogger(__name__)
LIST = """
import importlib.metadata, importlib.util, json, sys
versions = {one.metadata["Name"].lower().replace("_", "-"): one.version for one in importlib.metadata.distributions()}
print(json.dumps([versions, [name for name in sys.argv[1:] if importlib.util.find_spec(name)]]))
"""


@dataclass(frozen=True)
class Environment:
    """python: its interpreter. told: how it was made. folders: what it needs to see of the disk."""

    kind: str
    python: Path
    told: str
    folders: tuple[Path, ...]


def make_environment(kind: str, image: Image, cache: Path, python: Path | None = None) -> Environment:
    """A clean environment in `cache`, made once for each list of requirements.

    here: this interpreter's own versions, by links. image: what KINDS names so, downloaded at the image's versions.
    newest: the newest that the registry offers, torch linked from this interpreter where it is the same Python.
    python: another interpreter for image and newest. LsdcError when something is missing or cannot be installed.
    """
    cache = Path(cache).absolute()
    if kind == "here":
        return _here(image, cache)
    python = Path(python or sys.executable)
    linked = _links(TORCH, cache, but=set(image.packages) - set(TORCH)) if _links_fit(kind, python) else None
    wanted = [f"{name}{version if kind == 'image' else ''}" for name, version in sorted(image.packages.items())
              if linked is None or name not in TORCH]
    key = hashlib.sha256("\n".join([_version(python), str(linked), *wanted]).encode()).hexdigest()[:12]
    folder = cache / f"{kind}-{key}"
    if not (folder / MARK).exists():
        need_space(cache, GIGABYTES[linked is not None], f"the environment {kind!r}")
        log.info("environment %s: pip installs it, which takes minutes and gigabytes, once", kind)
        with written_aside(folder) as aside:
            _run([str(python), "-m", "venv", str(aside)], "a virtual environment cannot be made")
            if linked is not None:
                write_text(_site(aside) / "linked.pth", f"{linked}\n")
            _run([str(aside / "bin" / "python"), "-m", "pip", "install", "--quiet", *wanted],
                 f"the packages of the environment {kind!r} cannot be installed")
            write_json(aside / MARK, {"wanted": wanted, "linked": str(linked) if linked else None})
    told = f"Python {_version(python)}, installed: {', '.join(wanted)}" + (
        f"; torch and torchvision linked from {sys.prefix}" if linked else "")
    real = Path(os.path.realpath(folder / "bin" / "python"))
    return Environment(kind, folder / "bin" / "python", told,
                       (folder, real.parents[1], *([linked, *_sources()] if linked else [])))


def packages_of(environment: Environment) -> dict[str, str]:
    """Version by distribution of what an environment has; LsdcError when a training library can be imported there."""
    told = _run([str(environment.python), "-I", "-c", LIST, *TRAINING], "the environment does not start")
    versions, training = json.loads(told.strip().splitlines()[-1])
    if training:
        raise LsdcError("a clean environment is not clean", got=f"{', '.join(training)} can be imported",
                        where=environment.python, remedy="remove its folder and verify again")
    return versions


def _here(image: Image, cache: Path) -> Environment:
    linked = _links(image.packages, cache, also=("pip",))
    folder = cache / f"here-{linked.name}"
    if not (folder / MARK).exists():
        with written_aside(folder) as aside:
            venv.EnvBuilder(symlinks=True).create(aside)
            write_text(_site(aside) / "linked.pth", f"{linked}\n")
            write_json(aside / MARK, {"linked": str(linked)})
    real = Path(os.path.realpath(folder / "bin" / "python"))
    return Environment("here", folder / "bin" / "python", f"Python {_version(sys.executable)}, the packages of "
                       f"{sys.prefix} that the image has, by links", (folder, linked, real.parents[1], *_sources()))


def _links_fit(kind: str, python: Path) -> bool:
    return kind == "newest" and _version(python) == _version(sys.executable)


def _links(names: Iterable[str], cache: Path, *, also: tuple[str, ...] = (), but: Iterable[str] = ()) -> Path:
    """A folder of links to these packages and what they need, as they are installed here.

    It stands outside of the environments: pip never removes what is outside of its own.
    """
    found = _closure([*names, *also], set(but))
    told = {name: f"{one.version} {one.locate_file('')}" for name, one in sorted(found.items())}
    key = hashlib.sha256(str(told).encode()).hexdigest()[:12]
    folder = cache / f"links-{key}"
    if not (folder / MARK).exists() or read_json(folder / MARK) != told:
        with written_aside(folder) as aside:
            aside.mkdir(parents=True)
            for one in found.values():
                root = Path(one.locate_file(""))
                tops = {Path(file).parts[0] for file in one.files or () if not Path(file).is_absolute()}
                for top in tops - {"..", "__pycache__"}:
                    if not (aside / top).exists() and (root / top).exists():
                        (aside / top).symlink_to(root / top)
            write_json(aside / MARK, told)
    return folder


def _closure(names: list[str], but: set[str]) -> dict[str, metadata.Distribution]:
    """Distributions by name: these and all that they require, without `but`."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found, todo = {}, [canonicalize_name(name) for name in names]
    while todo:
        name = todo.pop()
        if name in found or name in but:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError as error:
            raise LsdcError("a package of the notebook image is not installed here", wanted=name,
                            remedy="make setup, or pip install 'lsdc[kernel]'") from error
        for text in found[name].requires or ():
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                todo.append(canonicalize_name(need.name))
    return found


def _sources() -> list[Path]:
    return [Path(sys.prefix), Path(os.path.realpath(sys.executable)).parents[1]]


def _site(folder: Path) -> Path:
    return next((folder / "lib").glob("python3*")) / "site-packages"


def _version(python: Path | str) -> str:
    return _run([str(python), "-c", "import platform; print(platform.python_version())"],
                "this Python does not start").strip()


def _run(command: list[str], problem: str) -> str:
    try:
        told = subprocess.run(command, capture_output=True, text=True, errors="replace",  # noqa: S603
                              env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"})
    except OSError as error:
        raise LsdcError(problem, got=error.strerror, where=command[0]) from error
    if told.returncode:
        raise LsdcError(problem, got="\n          ".join((told.stdout + told.stderr).strip().splitlines()[-6:]),
                        where=command[0], remedy="--environment here needs nothing but what is installed")
    return told.stdout
