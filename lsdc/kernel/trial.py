"""One execution of a bundle's notebook: on a set of studies, mounted in a layout, in an environment, judged."""

import json
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lsdc.errors import LsdcError
from lsdc.kernel.environment import Environment
from lsdc.kernel.layout import KERNEL_METADATA, NOTEBOOK, SCRIPT
from lsdc.kernel.metadata import COMPETITION
from lsdc.kernel.sandbox import Mount, Told, execute
from lsdc.kernel.submission import check_submission

SAID = "lsdc kernel: "
RERUN = "KAGGLE_IS_COMPETITION_RERUN"
LAST_LINES = 12


@dataclass(frozen=True)
class Trial:
    """layout: old, new or deeper. scoring: as when it is scored; else as when it is saved."""

    data: str
    layout: str = "new"
    scoring: bool = False
    script: bool = False

    def __str__(self) -> str:
        return (f"{'script' if self.script else 'notebook'}, {self.data}, {self.layout} layout, "
                f"{'scoring' if self.scoring else 'saving'}")


@dataclass(frozen=True)
class Judged:
    """faults: () where all is well. figures: what the kernel said of itself, and what was measured around it."""

    faults: tuple[str, ...]
    figures: dict
    told: Told


def mounts_of(bundle: Path, data: Path, layout: str, dataset_id: str) -> list[Mount]:
    """Where the site puts the inputs. deeper: an upload that was unpacked one folder further down."""
    owner, _, name = dataset_id.partition("/")
    if layout == "old":
        return [Mount(data, COMPETITION), Mount(bundle, name)]
    below = f"datasets/{owner}/{name}" + ("/bundle" if layout == "deeper" else "")
    return [Mount(data, f"competitions/{COMPETITION}"), Mount(bundle, below)]


def try_kernel(trial: Trial, bundle: Path, data: Path, environment: Environment, sandbox: str, scratch: Path,
               *, look: Callable[[Told], None] | None = None, working: str | None = None) -> Judged:
    """Execute and judge: exit code, failed steps, the submission against the sample, network, HOME and input.

    look: is shown what came of it while its files are there. working: as `execute` has it.
    """
    dataset_id = json.loads((bundle / KERNEL_METADATA).read_text(encoding="utf-8"))["dataset_sources"][0]
    mounts = mounts_of(bundle, data, trial.layout, dataset_id)
    with tempfile.TemporaryDirectory(prefix="trial-", dir=_made(scratch)) as place:
        told = execute(bundle / (SCRIPT if trial.script else NOTEBOOK), mounts, environment, sandbox, Path(place),
                       variables={RERUN: "1"} if trial.scoring else {}, working=working)
        if look is not None:
            look(told)
        said, faults = _said(told.output), list(told.faults)
        if told.code:
            faults.append(f"it ended with {told.code}; its last lines:" + "".join(
                f"\n    {line}" for line in deque(told.output.rstrip().splitlines(), LAST_LINES)))
        elif said is None:
            faults.append("it did not come to its end")
        if said and said["failed"]:
            faults.append(f"failed steps: {', '.join(said['failed'])}")
        try:
            valid = check_submission(told.submission, data / "sample_submission.csv")
        except LsdcError as error:
            valid = None
            faults.append(f"{error.problem}: {error.got or 'submission.csv'}")
    return Judged(tuple(faults), _figures(told, said, valid), told)


def _figures(told: Told, said: dict | None, valid: dict | None) -> dict:
    figures = {"wall_seconds": round(told.seconds, 1), "peak_memory_gb": told.peak_memory_gb, **(valid or {})}
    if said is None or not said["summary"]:
        return figures
    summary = said["summary"]
    each, lanes = summary["mean_seconds_per_study"].get("whole"), int(summary["lanes"].split()[0]) if summary[
        "lanes"][:1].isdigit() else 1
    return figures | {
        "without": said["without"], "fallback_share": summary["fallback_share"], "fallbacks": summary["fallbacks"],
        "failed_studies": summary["failed_studies"], "seconds_per_study": each and each / lanes, "lanes": lanes,
        "graded": summary["graded_now"], "memory_gb": summary["memory_gb"], "devices": summary["devices"],
    }


def _said(output: str) -> dict | None:
    lines = [line for line in output.splitlines() if line.startswith(SAID)]
    return json.loads(lines[-1].removeprefix(SAID)) if lines else None


def _made(folder: Path) -> Path:
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)
