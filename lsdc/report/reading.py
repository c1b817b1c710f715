"""A run as its folder tells it. A file that cannot be read becomes a problem that is told, never an exception."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from lsdc.config import parsed_yaml
from lsdc.errors import LsdcError
from lsdc.files import file_hash
from lsdc.folds import read_folds
from lsdc.report.records import EnvironmentRecord, EvaluationRecord, StageRecord
from lsdc.runs import RESULTS, FoldFolder, RunFolder

SHOWN_FAULTS = 3  # of one file
TO_DO = {
    "stale": "its evaluation is not of these predictions ({stale}): make evaluate",
    "not evaluated": "not evaluated: make evaluate",
    "not graded": "located, not graded: make train-fold",
    "not located": "no fold is located yet: make train-fold",
}

_Kind = TypeVar("_Kind")


@dataclass(frozen=True, eq=False)
class RunReading:
    """What the files of a run say.

    environment, evaluation: None where the file is not there or damaged; config: the effective settings as plain
    values, {} likewise; folds: studies of each fold, in order; stages: by fold and stage; seconds: of each stage over
    all folds, None where a fold has its results and no record of it, or no fold has any; located, finished: folds
    that have locations, predictions; stale: why the evaluation is not of these predictions, "" where it is;
    problems: what cannot be read, a line each, begun with the file's name.
    """

    run: RunFolder
    environment: EnvironmentRecord | None = None
    config: Mapping = field(default_factory=dict)
    folds: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    stages: Mapping[int, Mapping[str, StageRecord]] = field(default_factory=dict)
    seconds: Mapping[str, float | None] = field(default_factory=lambda: dict.fromkeys(RESULTS))
    evaluation: EvaluationRecord | None = None
    located: tuple[int, ...] = ()
    finished: tuple[int, ...] = ()
    stale: str = ""
    problems: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.run.path.name

    @property
    def state(self) -> str:
        """scored; or why there is no score to show: damaged, stale, not evaluated, not graded, not located."""
        if any("/stages.json" not in problem for problem in self.problems):
            return "damaged"
        if self.evaluation is not None:
            return "stale" if self.stale else "scored"
        return "not evaluated" if self.finished else "not graded" if self.located else "not located"

    @property
    def notes(self) -> tuple[str, ...]:
        """What cannot be read, and what to do where there is no score yet; () where all is well."""
        todo = [TO_DO[self.state].format(stale=self.stale)] if self.state in TO_DO else []
        return (*self.problems, *todo)

    @property
    def scored(self) -> EvaluationRecord | None:
        """The evaluation, where it may be shown."""
        return self.evaluation if self.state == "scored" else None

    @property
    def scored_studies(self) -> tuple[int, ...]:
        """Held-out studies of the folds that the shown evaluation is of, in order; () without one."""
        folds = self.scored.folds if self.scored else ()
        return tuple(sorted(study for fold in folds for study in self.folds[fold]))

    @property
    def peak_memory_gb(self) -> float | None:
        return max((one.peak_memory_gb for stages in self.stages.values() for one in stages.values()), default=None)

    @property
    def commits(self) -> tuple[str, ...]:
        """Every commit that had a part in it, that of the start first."""
        begun = [self.environment.commit] if self.environment else []
        later = [one.commit for number in sorted(self.stages) for one in self.stages[number].values()]
        return tuple(dict.fromkeys(commit for commit in begun + later if commit))


def read_run(run: RunFolder) -> RunReading:
    """Everything that reports need of a run; never an exception for what is in the folder."""
    reader = FileReader(run.path)
    try:
        return _read(run, reader)
    except OSError as error:  # a folder that may not be entered
        return RunReading(run, problems=(*reader.problems, f"cannot be read: {error}"))


def _read(run: RunFolder, reader: "FileReader") -> RunReading:
    config = reader.read(run.config, _mapping, needed=True) or {}
    environment = reader.read(run.environment, _json(EnvironmentRecord), needed=True)
    evaluation = reader.read(run.evaluation, _json(EvaluationRecord))
    located, finished = (tuple(fold.number for fold in run.folds_with(name))
                         for name in ("locations.csv", "predictions.csv"))
    folds = reader.read(run.folds, _folds, needed=bool(located or finished or evaluation)) or {}
    if evaluation and folds and (unknown := sorted(set(evaluation.folds) - set(folds))):
        reader.problems.append(f"evaluation.json is of fold {_listed(unknown)}, which folds.csv does not have")
    stages = {fold.number: reader.read(fold.stages, _json(dict[str, StageRecord])) or {}
              for fold in run.folds_with("stages.json")}
    begun = [run.fold(number) for number in sorted({*stages, *located, *finished})]
    return RunReading(
        run, environment, config, folds, stages, {stage: _seconds(stage, begun, stages) for stage in RESULTS},
        evaluation, located, finished, _stale(evaluation, run, finished) if evaluation else "", tuple(reader.problems))


@dataclass
class FileReader:
    """Reads files of a folder and keeps what went wrong."""

    folder: Path
    problems: list[str] = field(default_factory=list)

    def read(self, path: Path, load: Callable[[Path], _Kind], *, needed: bool = False) -> _Kind | None:
        """What `load` makes of a file; None when it is not there (a problem, if it is needed) or damaged."""
        name = path.relative_to(self.folder).as_posix()
        try:
            if path.exists():
                return load(path)
            if needed:
                self.problems.append(f"{name} is not there")
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, one['loc'])) or 'as a whole'}: {one['msg']}" for one in error.errors()]
            more = f" and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
            self.problems.append(f"{name} is damaged: {'; '.join(faults[:SHOWN_FAULTS])}{more}")
        except LsdcError as error:
            got = f": {_one_line(error.got)}" if error.got is not None else ""
            self.problems.append(f"{name} is damaged: {error.problem}{got}")
        except (OSError, ValueError, RecursionError) as error:
            self.problems.append(f"{name} cannot be read: {_one_line(error)}")
        return None


def _seconds(stage: str, folds: Sequence[FoldFolder], stages: Mapping[int, Mapping[str, StageRecord]]) -> float | None:
    done = [fold.number for fold in folds if fold.done(stage)]
    if not done or any(stage not in stages.get(number, {}) for number in done):
        return None
    return sum(stages[number][stage].seconds for number in done)


def _stale(evaluation: EvaluationRecord, run: RunFolder, finished: tuple[int, ...]) -> str:
    """Why an evaluation is not of the predictions that are there; "" when it is.

    The bytes of the predictions tell it; the time of the files only where an older version did not write them down.
    """
    if evaluation.folds != finished:
        return f"it is of fold {_listed(evaluation.folds)}; predicted: {_listed(finished) or 'none'}"
    changed = [number for number in finished if _other(evaluation, run, run.fold(number))]
    return f"predicted anew: fold {_listed(changed)}" if changed else ""


def _other(evaluation: EvaluationRecord, run: RunFolder, fold: FoldFolder) -> bool:
    if evaluation.predictions:
        return evaluation.predictions.get(fold.path.name) != file_hash(fold.predictions)
    return fold.predictions.stat().st_mtime_ns > run.evaluation.stat().st_mtime_ns


def _json(kind: object) -> Callable[[Path], object]:
    def load(path: Path) -> object:
        return TypeAdapter(kind).validate_python(json.loads(path.read_text(encoding="utf-8")))

    return load


def _mapping(path: Path) -> dict:
    values = parsed_yaml(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError("it holds no settings")
    return values


def _folds(path: Path) -> dict[int, tuple[int, ...]]:
    return {int(fold): tuple(map(int, studies)) for fold, studies in read_folds(path).groupby("fold")["study_id"]}


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
