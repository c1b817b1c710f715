"""The file of a blend: json with models, fitted steps and a hash; applied with numpy and pandas only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.blend.chain import Chain, Fitted
from lsdc.blend.layout import LEVEL_GROUPS, ROLES
from lsdc.blend.stack import Answers, answers_of, rows_of
from lsdc.errors import StorageError
from lsdc.files import content_hash, is_plain_name, read_json, write_json, written_aside
from lsdc.tables import PREDICTIONS
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, Condition, Level

FORMAT, VERSION = "lsdc blend", 1
NO_MODEL = "no model of the blend answers"


@dataclass(frozen=True)
class Member:
    """A model of a blend: the run it is from (None: a csv file), its folds, sha256 of each table it was fitted on."""

    name: str
    run: str | None
    folds: tuple[int, ...]
    tables: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Blend:
    """What a blend file holds. record: what was chosen, and its out-of-fold score, for people and manifests."""

    members: tuple[Member, ...]
    chain: Chain
    record: dict = field(default_factory=dict)

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members)

    def rows(self, frames: Mapping[str, pd.DataFrame], studies: Sequence[int]) -> pd.DataFrame:
        """25 rows for each study, columns row_id, the probabilities, model, fallback, from PREDICTIONS by model.

        Rows of a model that are missing, or were answered by priors, are left to the others; where no model answers,
        the blend's own priors do, and `fallback` says why.
        """
        answers = answers_of(frames, self.models, studies)
        table = rows_of(answers.studies, self.chain(answers))
        return table.assign(model="+".join(name for name in self.models if name in frames),
                            fallback=fallbacks(frames, answers, table["row_id"]))

    def content(self) -> dict:
        """The file's content, its hash included."""
        steps = [{"kind": step.kind, "parameters": {name: np.asarray(values).tolist()
                                                    for name, values in step.parameters.items()}}
                 for step in self.chain.steps]
        members = [{"name": member.name, "run": member.run, "folds": list(member.folds), "tables": dict(member.tables)}
                   for member in self.members]
        content = {"format": FORMAT, "version": VERSION, "models": members, "steps": steps, "record": self.record}
        return content | {"sha256": content_hash(content)}


def write_blend(blend: Blend, path: Path, predictions: pd.DataFrame | None = None) -> None:
    """Write the file and, given its out-of-fold PREDICTIONS, these beside it as csv: a blend file that is there belongs
    to the csv that is there, whenever this is stopped."""
    if predictions is None:
        write_json(path, blend.content())
        return
    with written_aside(path) as told, written_aside(path.with_suffix(".csv")) as table:
        write_json(told, blend.content())
        PREDICTIONS.write(predictions, table)
        path.unlink(missing_ok=True)  # the csv is renamed first


def read_blend(path: Path) -> Blend:
    """A blend file; StorageError when it is missing, of another format or version, changed, or does not fit."""
    content = read_json(path)
    if content.get("format") != FORMAT:
        raise _fault(path, "this is not a blend file", f"format {FORMAT!r}", repr(content.get("format")))
    if content.get("version") != VERSION:
        raise _fault(path, "a blend file of another version", VERSION, repr(content.get("version")))
    told = content.pop("sha256", None)
    if told != content_hash(content):
        raise _fault(path, "this blend file was changed after it was written", f"sha256 {content_hash(content)}", told)
    try:
        members = tuple(Member(one["name"], one["run"], tuple(one["folds"]), one["tables"])
                        for one in content["models"])
        steps = tuple(Fitted(one["kind"], {name: np.asarray(values, dtype=np.float64)
                                           for name, values in one["parameters"].items()})
                      for one in content["steps"])
        record = content["record"]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _fault(path, "this blend file is damaged", "models, steps and record", repr(error)) from error
    if leaving := [one.run for one in members if one.run is not None and not is_plain_name(one.run)]:
        raise _fault(path, "this blend names a run outside of the folder of runs", "plain names of folders",
                     ", ".join(map(repr, leaving)))
    if faults := _misfits(steps, len(members)):
        raise _fault(path, "the parameters of this blend do not fit", "finite arrays of the shapes of its steps",
                     "; ".join(faults))
    blend = Blend(members, Chain(steps), record)
    with np.errstate(all="ignore"):
        priors = blend.rows({}, [0])[list(SEVERITY_COLUMNS)].to_numpy(np.float64)  # what answers where no model does
    if not (np.isfinite(priors).all() and (priors >= 0).all()):
        raise _fault(path, "the parameters of this blend do not fit", "finite probabilities where no model answers",
                     "others")
    return blend


def fallbacks(frames: Mapping[str, pd.DataFrame], answers: Answers, row_ids: pd.Series) -> list[str | None]:
    """Why no model answers a row: the reason of the first model that gives one; None where a model answers."""
    reasons = pd.Series(dtype="string")
    for frame in frames.values():
        reasons = reasons.combine_first(frame.dropna(subset=["fallback"]).set_index("row_id")["fallback"])
    answered = (answers.present.sum(1) > 0).ravel()
    return [None if known else reasons.get(row, NO_MODEL) for known, row in zip(answered, row_ids, strict=True)]


def _misfits(steps: Sequence[Fitted], models: int) -> list[str]:
    """Faults of kinds and shapes."""
    conditions, targets = len(Condition), len(TARGETS)
    shapes = {
        "pool": {"logits": (conditions, LEVEL_GROUPS, models), "priors": (targets, 3)},
        "temperature": {"log_temperature": (conditions,)},
        "vector": {"scale": (conditions, 3), "bias": (conditions, 2)},
        "second_level": {"centre": (targets, models, 2), "spread": (targets, models, 2),
                         "weights": (conditions, len(ROLES) * models * 2, 2), "bias": (conditions, len(Level), 2)},
        "any_severe": {"line": (3,)},
    }
    faults = [] if steps and steps[0].kind == "pool" else ["the first step is no pool"]
    for step in steps:
        there = {name: values.shape for name, values in step.parameters.items()}
        if step.kind not in shapes:
            faults.append(f"unknown step {step.kind!r}")
        elif there != shapes[step.kind]:
            faults.append(f"{step.kind}: wanted {shapes[step.kind]}, got {there}")
        elif not all(np.isfinite(values).all() for values in step.parameters.values()):
            faults.append(f"{step.kind}: not finite")
    return faults


def _fault(path: Path, problem: str, wanted: object, got: object) -> StorageError:
    return StorageError(problem, wanted=wanted, got=got, where=path, remedy="make it again with `lsdc blend`")
