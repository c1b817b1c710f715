"""What grades in tests of processes: quick, without torch, and as badly behaved as a test asks for."""

import os
import signal
import sys
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.competition import Study
from lsdc.submit import Recipe, Terms, predict_test_part
from lsdc.submit.effort import Effort
from lsdc.submit.hands import Processes
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, row_id


@dataclass(frozen=True)
class Brightness:
    """Answers from the mean brightness of a study's images, each fold a little differently.

    acts: by study, what happens instead. seconds: that a study takes at least. notes: a folder for what must be
    remembered by the next process.
    """

    notes: Path
    acts: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0

    def rows(self, study: Study, effort: Effort, lap) -> pd.DataFrame:
        time.sleep(self.seconds)
        self._act(self.acts.get(study.study_id, ""), study.study_id)
        if not study.series:
            return self._priors(study)
        bright = np.mean([image.mean() for one in study.series for image in one.series.images])
        bright = np.nan if self.acts.get(study.study_id) == "nan" else bright
        odds = np.exp([[0, number / 40 + bright / 300, effort.folds / 10 - effort.flip] for number in range(25)])
        lap("detect")
        frame = pd.DataFrame(odds / odds.sum(axis=1, keepdims=True), columns=list(SEVERITY_COLUMNS))
        frame.insert(0, "row_id", [row_id(study.study_id, target) for target in TARGETS])
        return frame.assign(fallback=pd.Series([None] * 25, dtype="string"))

    def _priors(self, study: Study) -> pd.DataFrame:
        frame = pd.DataFrame(1 / 3, index=range(25), columns=list(SEVERITY_COLUMNS))
        frame.insert(0, "row_id", [row_id(study.study_id, target) for target in TARGETS])
        return frame.assign(fallback="nothing to see")

    def smaller(self) -> "Brightness":
        return replace(self, acts={study: act for study, act in self.acts.items() if act != "too large"})

    def _act(self, act: str, study: int) -> None:
        known = self.notes / f"{study}.{act}"
        first = not known.exists()
        if act:
            known.touch()
        if act == "die" or (act == "die once" and first):
            os.kill(os.getpid(), signal.SIGKILL)
        if act == "hang":
            time.sleep(600)
        if act == "raise":
            raise ZeroDivisionError("a fault of the code")
        if act in ("too large", "far too large"):
            raise RuntimeError("CUDA out of memory. Tried to allocate 20 GiB")


def opened(notes: Path, acts: dict[int, str], seconds: float, device: str) -> Brightness:
    return Brightness(notes, acts, seconds)


def cannot_open(device: str):
    raise RuntimeError(f"no kernel image for {device}")


def processes(notes: Path, acts: dict[int, str] | None = None, *, seconds: float = 0.0, lanes: int = 1,
              ahead: bool = False, **limits):
    """`hire` for predict_test_part: real processes with Brightness in them."""
    load = partial(opened, notes, acts or {}, seconds)
    return lambda crew: Processes([replace(crew.works[0], load=load, ahead=ahead)] * lanes, **limits)


def main(data: str, run: str, out: str, work: str, deadline_s: str, clock: str = "monotonic") -> None:
    """Predict as `lsdc predict` does, with Brightness, by a clock of `time`; what came of it is printed."""
    from lsdc.runs import RunFolder
    from tests.submit.bare import COMPUTE
    from tests.submit.standins import processes as hire

    outcome = predict_test_part(Path(data), Recipe.of_run(RunFolder(Path(run))), COMPUTE, Terms(
        Path(out), Path(work), deadline_s=float(deadline_s), clock=getattr(time, clock)), hire=hire(Path(work)))
    print(outcome.text)


if __name__ == "__main__":
    main(*sys.argv[1:])
