"""Stand-ins for Slurm's commands that run the batch file on this machine: sbatch, srun, sacct, scancel.

They keep a file for each job in $SLURM_STANDIN, and every batch file that was submitted.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

NAMES = ("sbatch", "srun", "sacct", "scancel")


def install(folder: Path) -> Path:
    """Commands of these names in a folder to be put on PATH."""
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" {name} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


def sbatch(books: Path, path: str) -> None:
    """Start the batch file with a session of its own, as another machine would, and say its number."""
    number = len(list(books.glob("*.sh"))) + 1
    (books / f"{number}.sh").write_text(text := Path(path).read_text())
    if "--partition=full" in text:
        sys.exit("sbatch: error: invalid partition specified: full")
    process = subprocess.Popen(["/bin/bash", path], env=os.environ | {"SLURM_JOB_ID": str(number)},
                               start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (books / f"{number}.pid").write_text(str(process.pid))
    print(f"Submitted batch job {number}")


def srun(*words: str) -> None:
    number = os.environ["SLURM_JOB_ID"]
    told, command, streams = list(words), [], {}
    while told:
        word = told.pop(0)
        if word in ("--output", "--error"):
            streams[word] = told.pop(0).replace("%j", number).replace("%t", "0")
        elif not word.startswith("--"):
            command = [word, *told]
            break
    with Path(streams["--output"]).open("a") as out, Path(streams["--error"]).open("a") as err:
        sys.exit(subprocess.run(command, stdout=out, stderr=err, env=os.environ | {
            "SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"}).returncode & 0xFF)


def sacct(books: Path, *words: str) -> None:
    print("JobID|State|NodeList")
    for number in re.findall(r"-j (\d+)", " ".join(words)):
        print(f"{number}|{'RUNNING' if _lives(int((books / f'{number}.pid').read_text())) else 'FAILED'}|here")


def scancel(books: Path, number: str) -> None:
    os.killpg(int((books / f"{number}.pid").read_text()), signal.SIGKILL)


def _lives(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    kept = Path(os.environ["SLURM_STANDIN"])
    srun(*rest) if name == "srun" else {"sbatch": sbatch, "sacct": sacct, "scancel": scancel}[name](kept, *rest)
