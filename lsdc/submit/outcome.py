"""What came of a prediction: figures for summary.json, the same as text, and whether a strict run accepts it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, median

import pandas as pd

from lsdc.errors import DataError
from lsdc.files import file_hash
from lsdc.submit.crew import Crew
from lsdc.submit.effort import Pace
from lsdc.submit.growing import NOT_REACHED, GrowingSubmission
from lsdc.submit.parts import Part
from lsdc.submit.stages import STAGES, WHOLE
from lsdc.submit.terms import Terms
from lsdc.tables import examples


@dataclass(frozen=True, eq=False)
class Outcome:
    """predictions: row_id, the probabilities, fallback, in the sample's order. figures: plain values."""

    predictions: pd.DataFrame
    figures: dict
    terms: Terms

    @property
    def text(self) -> str:
        """The summary on one screen."""
        told, seconds = self.figures, self.figures["seconds_per_study"]
        lines = [
            f"{self.terms.out}: {told['rows']} rows of {told['studies']} studies, {told['fallback_rows']} "
            f"({100 * told['fallback_share']:.1f} %) from priors",
            *(f"  {rows:6d} rows: {cause}" for cause, rows in told["fallbacks"].items()),
            *(f"  failed: {cause}: {len(studies)} studies ({examples(studies)})" for cause, studies in
              told["failed_studies"].items()),
            *(f"  data: {fault}" for fault in told["data_faults"]),
            *(f"  less effort: {said}" for said in told["degraded"]),
            *(f"  {note}" for note in told["notes"]),
            f"{told['graded_now']} studies graded in {told['seconds']:.1f} s, {told['from_parts']} kept from before; "
            f"{told['lanes']} on {', '.join(told['devices']) or 'no device'}, {told['precision']}",
        ]
        if seconds:
            lines.append("seconds per study, median: " + ", ".join(f"{stage} {value:.2f}"
                                                                   for stage, value in seconds.items()))
        if told["peak_memory_gb"]:
            lines.append(f"peak memory of all processes together: {told['peak_memory_gb']:.2f} GB")
        return "\n".join(lines)

    def demand(self) -> None:
        """DataError in a strict run whose studies failed, were not reached, or were answered by priors too often."""
        told, faults = self.figures, []
        if not self.terms.strict:
            return
        faults += [f"{len(studies)} studies failed: {cause}: {examples(studies)}"
                   for cause, studies in told["failed_studies"].items()]
        if late := told["fallbacks"].get(NOT_REACHED):
            faults.append(f"{late} rows were not reached before the deadline")
        if told["fallback_share"] > self.terms.fallback_limit:
            faults.append(f"{told['fallback_rows']} of {told['rows']} rows ({100 * told['fallback_share']:.1f} %) are "
                          f"priors; most: {next(iter(told['fallbacks']))}")
        if faults:
            raise DataError(
                "this prediction is not good enough for a strict run", got="\n          ".join(faults),
                wanted=f"every study graded, at most {100 * self.terms.fallback_limit:.0f} % of rows from priors",
                where=self.terms.out, remedy="the file is valid and whole; mend what is named, or accept it: "
                "`lsdc predict` has --fallback-limit and --lenient")


@dataclass
class Ledger:
    """What is noted while studies come in. graded: parts without answers and files, which others keep."""

    graded: list[Part] = field(default_factory=list)
    kept: int = 0
    failed: dict[int, str] = field(default_factory=dict)
    memory_gb: list[float] = field(default_factory=list)  # after each study
    ended: list[float] = field(default_factory=list)  # when each study was done, by the clock
    lost_parts: int = 0

    def note(self, part: Part) -> None:
        """A study that was graded, or failed."""
        self.graded.append(replace(part, values=[], fallback=[], files=[]))


def outcome_of(submission: GrowingSubmission, terms: Terms, ledger: Ledger, pace: Pace, crew: Crew | None,
               faults: Sequence[str], left_out: Sequence[str] = ()) -> Outcome:
    causes, rows = submission.causes(), len(submission.asked.rows)
    graded = [part for part in ledger.graded if not part.failed]
    by_cause = {cause: sorted(study for study, why in ledger.failed.items() if why == cause)
                for cause in Counter(ledger.failed.values())}
    taken = {stage: [part.seconds[stage] for part in graded] for stage in (*STAGES, WHOLE)} if graded else {}
    memory = ledger.memory_gb
    figures = {
        "studies": len(submission.asked.studies), "rows": rows, "fallback_rows": sum(causes.values()),
        "fallback_share": sum(causes.values()) / rows, "fallbacks": causes, "failed_studies": by_cause,
        "data_faults": list(faults), "degraded": list(pace.degraded), "effort": str(pace.effort),
        "notes": [*submission.asked.notes, *left_out, *(crew.notes if crew else ()),
                  *([f"{ledger.lost_parts} studies could not be kept for a resumption"] if ledger.lost_parts else ())],
        "graded_now": len(graded), "from_parts": ledger.kept, "seconds": terms.clock() - terms.began,
        "seconds_per_study": {stage: median(values) for stage, values in taken.items()},
        "steady_seconds_per_study": (ledger.ended[-1] - ledger.ended[0]) / (len(ledger.ended) - 1)
        if len(ledger.ended) > 1 else None,
        "mean_seconds_per_study": {stage: fmean(values) for stage, values in taken.items()},
        "lanes": crew.lanes if crew else "no process",
        "devices": sorted({part.device for part in graded}), "precision": crew.precision if crew else "none needed",
        "peak_memory_gb": max(memory, default=None), "memory_gb": memory, "strict": terms.strict,
        "deadline_seconds": terms.deadline_s, "submission_sha256": file_hash(submission.path),
    }
    return Outcome(submission.rows(), figures, terms)
