"""What is known of each study of a report: answer, place and truth of its 25 targets, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from lsdc.competition.folder import Part
from lsdc.evaluate.landmarks import MM, TARGET_KEYS, TRUE_MM
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, Condition, Severity, Target, row_id
from lsdc.weighting import unweighted

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class TargetCase:
    """One target of a study.

    answer: probabilities as predicted, the metric's weights in them. fallback: why priors answered, None where the
    model did. series_id, slice_index, place_mm: None where it was not located; found_by as in LOCATIONS. truth: the
    label; true_mm, distance_mm, exact: against the best true place there is. None where nothing is known.
    """

    target: Target
    answer: Triple
    fallback: str | None = None
    found_by: str = "prior"
    confidence: float = 0.0
    series_id: int | None = None
    slice_index: int | None = None
    place_mm: Triple | None = None
    truth: Severity | None = None
    true_mm: Triple | None = None
    distance_mm: float | None = None
    exact: bool | None = None

    @property
    def key(self) -> str:
        """Name of its places on a page: canal-midline-l4_l5."""
        return "-".join(self.target)

    @property
    def assessed(self) -> bool:
        """Whether the model answered; priors say nothing of this patient."""
        return self.fallback is None

    @cached_property
    def plain(self) -> Triple:
        """Probabilities of the grades, the metric's weights taken off."""
        return tuple(unweighted(np.array(self.answer)).tolist())

    @property
    def grade(self) -> Severity:
        """The grade with the least expected cost, as `lsdc evaluate` decides: the largest probability as predicted."""
        return Severity(int(np.argmax(self.answer)))

    @property
    def likeliest(self) -> Severity:
        """The most probable grade."""
        return Severity(int(np.argmax(self.plain)))

    @property
    def entropy_bits(self) -> float:
        """Of the plain probabilities: 0 where it is sure, 1.58 where it knows nothing."""
        values = np.array([one for one in self.plain if one > 0])
        return float(-(values * np.log2(values)).sum()) + 0.0


@dataclass(frozen=True)
class Case:
    """A study of a report. targets: 25 in the order of TARGETS; loss: the metric of this study alone, None without
    labels; notes: what the detector told on the way to its places.
    """

    study_id: int
    part: Part
    targets: tuple[TargetCase, ...]
    fold: int | None = None
    model: str = ""
    loss: float | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def of(self) -> dict[Target, TargetCase]:
        return {one.target: one for one in self.targets}

    @cached_property
    def severe_canal(self) -> float | None:
        """Largest plain probability of severe canal stenosis; None where no canal was assessed."""
        return max((one.plain[Severity.SEVERE] for one in self._assessed(Condition.CANAL)), default=None)

    @cached_property
    def uncertainty_bits(self) -> float | None:
        """Mean entropy of the targets that were assessed; None where none was."""
        found = [one.entropy_bits for one in self._assessed()]
        return float(np.mean(found)) if found else None

    @property
    def not_assessed(self) -> int:
        return len(self.targets) - len(self._assessed())

    def _assessed(self, condition: Condition | None = None) -> list[TargetCase]:
        return [one for one in self.targets if one.assessed and condition in (None, one.target.condition)]


def cases_of(
    predictions: pd.DataFrame,
    locations: pd.DataFrame,
    *,
    part: Part,
    grades: pd.DataFrame | None = None,
    errors: pd.DataFrame | None = None,
    losses: Mapping[int, float] | None = None,
    notes: pd.DataFrame | None = None,
) -> list[Case]:
    """A case for each study of a PREDICTIONS table, the highest probability of severe canal stenosis first.

    locations: LOCATIONS, from which rows may be missing. grades (GRADES), errors (`target_errors`), losses by study
    and notes (LOCATION_NOTES): what is known besides; None where nothing is, as of the test part.
    """
    rows = predictions.set_index("row_id")
    places = _by_target(locations)
    truths = {} if grades is None else _by_target(grades[grades["severity"].notna()])
    known = {} if errors is None else _by_target(errors)
    told = {} if notes is None else {study: _notes(some) for study, some in notes.groupby("study_id")}
    studies = dict.fromkeys(int(one) for one in predictions["row_id"].str.split("_", n=1).str[0])
    answers = rows[[*SEVERITY_COLUMNS]].to_dict("index")
    fallbacks = rows["fallback"].astype(object).where(rows["fallback"].notna(), None).to_dict()
    first = rows.groupby([text.split("_", 1)[0] for text in rows.index])
    folds = first["fold"].first().to_dict() if "fold" in rows.columns else {}
    models = first["model"].first().to_dict() if "model" in rows.columns else {}
    cases = []
    for study in studies:
        targets = tuple(_target(target, answers[row_id(study, target)], fallbacks[row_id(study, target)],
                                *(table.get((study, *target)) for table in (places, truths, known)))
                        for target in TARGETS)
        loss = (losses or {}).get(study)
        fold = folds.get(str(study))
        cases.append(Case(study, part, targets, None if fold is None else int(fold), models.get(str(study)) or "",
                          None if loss is None or not np.isfinite(loss) else float(loss), told.get(study, ())))
    return sorted(cases, key=lambda one: (-(one.severe_canal if one.severe_canal is not None else -1), one.study_id))


def _target(target: Target, answer: dict, fallback: str | None, place, truth, error) -> TargetCase:
    placed = place is not None and not pd.isna(place["x_mm"])
    measured = error is not None and not pd.isna(error[TRUE_MM[0]])
    return TargetCase(
        target, tuple(float(answer[name]) for name in SEVERITY_COLUMNS), fallback,
        found_by=place["found_by"] if placed else "prior", confidence=float(place["confidence"]) if placed else 0.0,
        series_id=_whole(place["series_id"]) if placed else None,
        slice_index=_whole(place["slice_index"]) if placed else None,
        place_mm=_triple(place, MM) if placed else None,
        truth=None if truth is None else Severity[truth["severity"].upper()],
        true_mm=_triple(error, TRUE_MM) if measured else None,
        distance_mm=float(error["distance_mm"]) if measured and not pd.isna(error["distance_mm"]) else None,
        exact=bool(error["exact"]) if measured else None)


def _by_target(table: pd.DataFrame) -> dict[tuple, dict]:
    return {tuple(row[key] for key in TARGET_KEYS): row for row in table.to_dict("records")}


def _notes(rows: pd.DataFrame) -> tuple[str, ...]:
    return tuple((f"series {row['series_id']}: " if not pd.isna(row["series_id"]) else "") + row["note"]
                 + (f" ({row['count']})" if row["count"] > 1 else "") for row in rows.to_dict("records"))


def _whole(value: object) -> int | None:
    return None if pd.isna(value) else int(value)


def _triple(row: Mapping, names: Sequence[str]) -> Triple:
    return tuple(float(row[name]) for name in names)
