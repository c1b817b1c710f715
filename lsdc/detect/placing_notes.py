"""What is told of the way to a study's locations: what was chosen, dropped or missing."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lsdc.competition import Study
from lsdc.detect.classes import CLASSES
from lsdc.detect.evidence import NEAR_MM, Evidence, Note, Place, targets_of
from lsdc.dicom import OTHER_ORIENTATION
from lsdc.taxonomy import TARGETS, Target

STRONG = 0.25  # confidence of a candidate whose loss is told
OVERRULED = "targets named by the whole spine: each look alone named a neighbouring level"


def choices(places: dict[Target, Place], silent: Sequence[int], *, why_missing: str) -> list[Note]:
    """What was chosen, and what could not be."""
    notes = [Note(series_id, "shows no spine where it should: not used", 1) for series_id in silent]
    chosen = Counter((place.series_id, place.found_by) for place in places.values())
    notes += [Note(series_id, f"targets placed by {found_by}", count)
              for (series_id, found_by), count in sorted(chosen.items())]
    if missing := len(TARGETS) - len(places):
        notes.append(Note(None, f"targets {why_missing}", missing))
    return notes


def contradictions(evidence: Evidence, expected: np.ndarray, silent: Sequence[int]) -> list[Note]:
    """Strong candidates that were dropped because geometry contradicts them, counted by series and reason.

    A candidate beside its target on a slice too far through is no contradiction, nor is one of T12/L1 or S1/S2.
    """
    candidates, counts = evidence.candidates, Counter()
    near = {target: evidence.off(expected[index])[0] <= NEAR_MM for index, target in enumerate(TARGETS)}
    for label in candidates.index[(candidates.confidence >= STRONG) & ~candidates.series_id.isin(silent)]:
        kind = CLASSES[candidates.detector_class[label]]
        if label in evidence.agreed:
            continue
        beside = [target for target in targets_of(kind.condition) if near[target][label]]
        outer = np.linalg.norm(evidence.levels.outer_yz_mm - evidence.places_mm[label, 1:], axis=1)
        if kind.side and beside and all(target.side != kind.side for target in beside):
            reason = "candidates dropped: their side is not the patient's"
        elif beside or (outer <= 2 * NEAR_MM).any():
            continue
        else:
            reason = "candidates dropped: off the spine"
        counts[int(candidates.series_id[label]), reason] += 1
    return [Note(series_id, reason, count) for (series_id, reason), count in sorted(counts.items())]


def renamed(evidence: Evidence, places: dict[Target, Place]) -> list[Note]:
    """How many targets were placed by strong candidates that all name another level: the chain overruled the look."""
    looks: dict[Target, list[bool]] = {}
    for label, target in evidence.agreed.items():
        level = CLASSES[evidence.candidates.detector_class[label]].level
        if level and target in places and evidence.candidates.confidence[label] >= STRONG:
            looks.setdefault(target, []).append(level == target.level)
    count = sum(not any(own) for own in looks.values())
    return [Note(None, OVERRULED, count)] if count else []


def reading(study: Study) -> list[Note]:
    """What of a study could not be read or was left out while reading, counted by series."""
    notes, told = [], 0
    for one in study.series:
        other = sum(OTHER_ORIENTATION in fault for fault in one.series.faults)
        told += len(one.series.faults)
        for note, count in ((f"files left out: {OTHER_ORIENTATION}", other),
                            ("files left out or repaired", len(one.series.faults) - other)):
            notes += [Note(one.series_id, note, count)] if count else []
    if (unread := len(study.faults) - told) > 0:
        notes.append(Note(None, "series that cannot be read", unread))
    return notes
