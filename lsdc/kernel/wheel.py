"""The kit's wheel, built with the standard tooling so that the same sources give the same bytes."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import lsdc
from lsdc.errors import LsdcError

EPOCH = 315532800  # 1980-01-01, the first that a zip file can tell
SOURCES = ("pyproject.toml", "README.md", "LICENSE")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def build_wheel(out: Path) -> Path:
    """Build lsdc's wheel from this checkout into the folder `out`. LsdcError where there is none, or it fails.

    It is built from a copy in which times and permissions are the same everywhere, and without a network: setuptools
    is the installed one, whose version therefore is part of what makes the bytes.
    """
    root = Path(lsdc.__file__).parents[1]
    if missing := [name for name in SOURCES if not (root / name).is_file()]:
        raise LsdcError("the wheel is built from a checkout of the kit", wanted=", ".join(SOURCES),
                        got=f"no {', '.join(missing)}", where=root, remedy="clone the repository and run this there")
    with tempfile.TemporaryDirectory(prefix="lsdc-wheel-") as scratch:
        copy, built = Path(scratch) / "source", Path(scratch) / "built"
        _copy(root, copy)
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(built), str(copy)]
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH), "PYTHONHASHSEED": "0"}
        told = subprocess.run(command, env=environment, umask=0o022, capture_output=True,  # noqa: S603
                              text=True, errors="replace")
        wheels = list(built.glob("*.whl"))
        if told.returncode or len(wheels) != 1:
            raise LsdcError("the wheel cannot be built", got="\n          ".join(
                (told.stdout + told.stderr).strip().splitlines()[-5:]), where=root,
                remedy="make setup, or pip install 'lsdc[kernel]'")
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(wheels[0], out / wheels[0].name))


def _copy(root: Path, copy: Path) -> None:
    shutil.copytree(root / "lsdc", copy / "lsdc", ignore=LEFT_OUT)
    for name in SOURCES:
        shutil.copyfile(root / name, copy / name)
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH, EPOCH))
