"""A place like the notebook's: no network, read-only input, empty HOME; namespaces where they exist, else guards."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from lsdc.errors import LsdcError
from lsdc.kernel.environment import Environment
from lsdc.kernel.memory import Watch
from lsdc.record import family

NAMESPACES = {"namespaces, as root": ("unshare", "-mn"), "namespaces, as a user": ("unshare", "-rmn")}
GUARDS = "guards: without namespaces, so network attempts are refused in Python and the input is hashed"
PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SECONDS = 3600
SUBMISSION = "submission.csv"


@dataclass(frozen=True)
class Mount:
    """A folder of this machine and where the notebook sees it, below its input: read-only."""

    source: Path
    place: str


@dataclass(frozen=True)
class Told:
    """What came of an execution. submission: the file that was left, if any. faults: network, HOME, input."""

    code: int
    output: str
    seconds: float
    peak_memory_gb: float | None
    submission: Path
    faults: tuple[str, ...] = ()


def choose_sandbox(wanted: str | None = None) -> str:
    """The first kind of NAMESPACES that works here, else GUARDS; `wanted`: only what contains this word."""
    for kind, words in NAMESPACES.items():
        if (wanted is None or wanted in kind) and _works(words):
            return kind
    if wanted is not None and wanted not in GUARDS:
        raise LsdcError("this sandbox does not work here", got=wanted, wanted=", ".join([*NAMESPACES, "guards"]),
                        remedy="leave --sandbox out")
    return GUARDS


def execute(code_file: Path, mounts: list[Mount], environment: Environment, kind: str, scratch: Path,
            *, variables: dict[str, str] | None = None, working: str | None = None) -> Told:
    """Run a notebook or script with these inputs and nothing else in an empty folder `scratch`.

    working: a size (1M) makes the working folder a disk of its own that is no larger; only with namespaces.
    """
    scratch = Path(scratch).absolute()
    for name in ("root", "working", "home", "guard", "log", "input", "tmp"):
        (scratch / name).mkdir(parents=True)
    template = resources.files("lsdc.kernel").joinpath("templates")
    (scratch / "guard" / "sitecustomize.py").write_text(template.joinpath("guard.txt").read_text())
    shutil.copyfile(Path(__file__).with_name("execute.py"), scratch / "guard" / "execute.py")
    shutil.copyfile(code_file, scratch / "guard" / code_file.name)
    if kind in NAMESPACES:
        command, own = _in_namespaces(kind, mounts, environment, scratch, template, working)
    else:
        command, own = _guarded(mounts, scratch)
    seen = Path("/kaggle") if kind in NAMESPACES else scratch
    words = [str(environment.python), "-B", str(seen / "guard" / "execute.py"), str(seen / "guard" / code_file.name),
             str(seen / "log")]
    before = _hash(mounts) if kind == GUARDS else ""
    told, seconds, memory = _watched([*command, *words], _variables(seen, own | (variables or {})),
                                     scratch / "working" if kind == GUARDS else scratch)
    attempts = (scratch / "log" / "network").read_text() if (scratch / "log" / "network").exists() else ""
    faults = ["tried to reach the network: " + " | ".join(attempts.strip().splitlines()[:3])] if attempts else []
    faults += [f"left in HOME: {path.name}" for path in sorted((scratch / "home").iterdir())]
    if (names := scratch / "log" / "names").exists():  # all that stands there becomes output of the notebook
        faults += [f"left in the working folder: {name}" for name in names.read_text().splitlines()
                   if name != SUBMISSION]
    if kind == GUARDS and _hash(mounts) != before:
        faults.append("the input is not as it was before")
    return Told(told[0], told[1], seconds, memory, scratch / "log" / SUBMISSION, tuple(faults))


def _in_namespaces(kind, mounts, environment, scratch, template, working) -> tuple[list[str], dict[str, str]]:
    script, listed = scratch / "guard" / "namespace.sh", scratch / "mounts"
    script.write_text(template.joinpath("namespace.txt").read_text())
    rows = [(mount.source.resolve(), f"/kaggle/input/{mount.place}", "ro") for mount in mounts]
    rows += [(f"tmpfs:{working}" if working else scratch / "working", "/kaggle/working", "rw"),
             (scratch / "home", "/kaggle/home", "ro"), (scratch / "guard", "/kaggle/guard", "ro"),
             (scratch / "log", "/kaggle/log", "rw")]
    rows += [(folder, str(folder), "ro") for folder in environment.folders if folder.parts[1:2] == ("tmp",)]
    listed.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return [*NAMESPACES[kind], "sh", str(script), str(scratch / "root"), str(listed)], {}


def _guarded(mounts, scratch) -> tuple[list[str], dict[str, str]]:
    for mount in mounts:
        (place := scratch / "input" / mount.place).parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(mount.source.resolve())
    return [], {"LSDC_KERNEL_INPUT": str(scratch / "input"), "LSDC_KERNEL_WORKING": str(scratch / "working"),
                "TMPDIR": str(scratch / "tmp")}


def _variables(seen: Path, own: dict[str, str]) -> dict[str, str]:
    temporary = own.get("TMPDIR", "/tmp")  # noqa: S108 # nosec B108 (of the sandbox)
    jupyter = dict.fromkeys(("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"),
                            f"{temporary}/jupyter")
    kept = {name: value for name, value in os.environ.items()
            if name in ("LANG", "LC_ALL", "LD_LIBRARY_PATH") or name.startswith(("OMP_", "OPENBLAS_", "CUDA_"))}
    return kept | jupyter | {
        "PATH": PROGRAMS, "HOME": str(seen / "home"), "PYTHONPATH": str(seen / "guard"), "PYTHONDONTWRITEBYTECODE": "1",
        "LSDC_NETWORK_LOG": str(seen / "log" / "network"), "PIP_CONFIG_FILE": os.devnull,
        "JUPYTER_PLATFORM_DIRS": "1"} | own


def _watched(command: list[str], variables: dict[str, str], folder: Path
             ) -> tuple[tuple[int, str], float, float | None]:
    """Exit code and output, seconds, peak memory."""
    process = subprocess.Popen(command, env=variables, cwd=folder, text=True, errors="replace",  # noqa: S603
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True)
    watch = Watch(process.pid)
    alarm = threading.Timer(SECONDS, _end, [process.pid])
    alarm.start()
    try:
        with watch:
            output = process.communicate()[0]
    finally:
        alarm.cancel()
        if process.poll() is None:
            _end(process.pid)
    return (process.returncode, output), watch.seconds, watch.peak_gb


def _end(pid: int) -> None:
    """End a process and all that it started."""
    for one in family(pid):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def _works(words: tuple[str, ...]) -> bool:
    """Whether these namespaces can be made, with a root of their own and a read-only bind mount in it."""
    if sys.platform != "linux":
        return False
    import tempfile

    template = resources.files("lsdc.kernel").joinpath("templates/namespace.txt")
    with tempfile.TemporaryDirectory(prefix="lsdc-probe-") as scratch:
        place = Path(scratch)
        for name in ("root", "seen"):
            (place / name).mkdir()
        (place / "namespace.sh").write_text(template.read_text())
        (place / "list").write_text(f"{place / 'seen'}\t/kaggle/input/seen\tro\n")
        try:
            told = subprocess.run(  # noqa: S603
                [*words, "sh", str(place / "namespace.sh"), str(place / "root"), str(place / "list"),
                 "sh", "-c", "! touch /kaggle/input/seen/x 2>/dev/null && touch /tmp/y"],
                capture_output=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return told.returncode == 0 and not (place / "seen" / "x").exists()


def _hash(mounts: list[Mount]) -> str:
    """Over names and bytes of everything that is mounted."""
    digest = hashlib.sha256()
    for mount in mounts:
        for path in sorted(mount.source.rglob("*")):
            digest.update(str(path.relative_to(mount.source)).encode() + b"\0")
            if path.is_file():
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
