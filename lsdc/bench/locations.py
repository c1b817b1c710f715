"""What the way from candidates to locations is worth: with planes taken away, and on true points alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from tabulate import tabulate

from lsdc.bench.saved import save_figures
from lsdc.competition import CompetitionFolder, Study, read_study
from lsdc.config import EvaluationSettings, Settings
from lsdc.detect import Detector, locate_from_candidates
from lsdc.detect.classes import CLASSES, ClassList
from lsdc.detect.detector import CANDIDATE_COLUMNS
from lsdc.detect.projecting import OUTSIDE_MM
from lsdc.detect.training_slices import SHOWN_MM
from lsdc.errors import DataError
from lsdc.evaluate.bootstrap import interval, replicate_sums
from lsdc.evaluate.floor import truth_folder
from lsdc.evaluate.landmarks import keypoint_truths, location_errors
from lsdc.evaluate.metric import ratio
from lsdc.folds import held_out_studies, read_folds
from lsdc.phantom.anatomy import VARIANTS
from lsdc.progress import track
from lsdc.runs import RunFolder
from lsdc.seeding import generator, seed_for
from lsdc.tables import KEYPOINTS
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Condition, Plane, Target

DROPPED = 0.2  # share of true points
ROUND_MM = 20.0  # a false point lies so near the box of the true ones
VARIANT_STUDIES = 30  # with other counts of lumbar-type bodies
DRAWS = 5  # of dropped and false points for each study
SAGITTAL = (Plane.SAGITTAL_T1, Plane.SAGITTAL_T2)
TAKEN = {"all planes": (), "without sagittal T2": (Plane.SAGITTAL_T2,), "without sagittal T1": (Plane.SAGITTAL_T1,),
         "without axial T2": (Plane.AXIAL_T2,), "without any sagittal": SAGITTAL}


@dataclass(frozen=True)
class Case:
    """One study located in one way: its LOCATIONS and the truths that its series hold."""

    way: str
    locations: pd.DataFrame
    truths: pd.DataFrame


def variant_settings(settings: Settings) -> Settings:
    """A phantom of VARIANT_STUDIES rare patients, from a seed of its own, which no detector has seen."""
    phantom = settings.phantom.model_copy(update={
        "train_studies": VARIANT_STUDIES, "test_studies": 1, "quirks": (), "variants": tuple(VARIANTS),
        "seed": seed_for(settings.phantom.seed, "bench locations") % 100_000})
    return settings.model_copy(update={"phantom": phantom})


def bench_locations(
    folder: CompetitionFolder, rare: CompetitionFolder, run: RunFolder, settings: EvaluationSettings
) -> str:
    """Locate the held-out studies of a run's first located fold, in every way of TAKEN and from true points alone.

    rare: a phantom of `variant_settings`, located with all planes. A target counts when a slice of what is left holds
    it, on whatever plane. DataError without the phantom's truth.
    """
    fold = run.located_folds()[0]
    detector, keypoints = Detector.load(fold.detector), _keypoints(folder)
    ids = held_out_studies(read_folds(run.folds, folder.study_ids("train")), fold.number)
    cases = [case for study_id in track(ids, "locate studies") for case in _cases(
        read_study(folder, study_id), detector, keypoints[keypoints.study_id == study_id], settings.seed)]
    cases += _rare_cases(rare, detector)
    rows = [row for way in dict.fromkeys(case.way for case in cases)
            for row in _rows(way, [case for case in cases if case.way == way], settings)]
    said = save_figures("locations", {"run": run.path.name, "fold": fold.number, "studies": len(ids), "rows": rows})
    table = tabulate(
        [(row["way"], row["condition"], row["targets"], f"{100 * row['identified']:.1f}",
          " to ".join(f"{100 * end:.1f}" for end in row["interval"]), f"{row['median_mm']:.1f}") for row in rows],
        headers=("seen", "condition", "targets in view", "identified, %", "interval", "median mm"),
        colalign=("left", "left", "right", "right", "left", "right"))
    return (f"{table}\n\n{len(ids)} held-out studies of fold {fold.number}, run {run.path.name}, and "
            f"{VARIANT_STUDIES} rare ones that no detector has seen; {said}")


def _keypoints(folder: CompetitionFolder) -> pd.DataFrame:
    if (truth := truth_folder(folder.root)) is None:
        raise DataError("there is no truth beside this data", wanted="the phantom's keypoints", where=folder.root,
                        remedy="give no --data; on real data: `lsdc evaluate --locations`")
    return keypoint_truths(KEYPOINTS.read(truth / "keypoints.csv"))


def _rare_cases(rare: CompetitionFolder, detector: Detector) -> Iterator[Case]:
    keypoints = _keypoints(rare)
    variants = pd.read_csv(truth_folder(rare.root) / "studies.csv").set_index("study_id").variant
    ids = sorted(rare.study_ids("train"), key=lambda study_id: (list(VARIANTS).index(variants[study_id]), study_id))
    for study_id in track(ids, "locate rare studies"):
        study = read_study(rare, study_id)
        yield _case(f"all planes, {variants[study_id]}", study, detector.candidates(study), detector,
                    keypoints[keypoints.study_id == study_id])


def _cases(study: Study, detector: Detector, keypoints: pd.DataFrame, seed: int) -> Iterator[Case]:
    candidates = detector.candidates(study)
    for way, taken in TAKEN.items():
        left = replace(study, series=tuple(one for one in study.series if one.plane not in taken))
        kept = candidates[candidates.series_id.isin([one.series_id for one in left.series])]
        yield _case(way, left, kept, detector, keypoints)
    points = {Target(row.condition, row.side, row.level): np.array([row.x_mm, row.y_mm, row.z_mm])
              for row in keypoints.itertuples()}
    random = generator(seed, "bench locations", study.study_id)
    yield _case("true points", study, point_candidates(study, points), detector, keypoints)
    for _ in range(DRAWS):
        kept = {target: place for target, place in points.items() if random.random() >= DROPPED}
        yield _case(f"true points, {100 * DROPPED:.0f} % dropped", study, point_candidates(study, kept), detector,
                    keypoints)
    for _ in range(DRAWS):
        corners = np.array(list(points.values()))
        false = random.uniform(corners.min(axis=0) - ROUND_MM, corners.max(axis=0) + ROUND_MM)
        candidates = pd.concat([point_candidates(study, points), point_candidates(
            study, {TARGETS[random.integers(len(TARGETS))]: false})])
        yield _case("true points and a false one", study, candidates, detector, keypoints)


def _case(way: str, study: Study, candidates: pd.DataFrame, detector: Detector, keypoints: pd.DataFrame) -> Case:
    places = keypoints[["x_mm", "y_mm", "z_mm"]].to_numpy()
    held = [any(one.slice_at(place, within_mm=OUTSIDE_MM) for one in study.series) for place in places]
    locations = locate_from_candidates(study, candidates, detector, fold=detector.fold).locations
    return Case(way, locations, keypoints[np.array(held, dtype=bool)])


def point_candidates(study: Study, points: dict[Target, np.ndarray], classes: ClassList = CLASSES) -> pd.DataFrame:
    """CANDIDATE_COLUMNS of a detector that sees nothing but these points (3,) mm, on every slice that shows them."""
    rows = [
        [one.series_id, index, classes.number(*target), 0.9 - abs(offset_mm) / 20, *xy_px, *plane.to_patient(xy_px)]
        for target, place in points.items() for one in study.of(ANNOTATED_PLANE[target.condition])
        for index, plane in enumerate(one.series.planes)
        for xy_px, offset_mm in [plane.to_pixel(place)]
        if abs(offset_mm) <= SHOWN_MM[target.condition] and plane.holds(xy_px)
    ]
    return pd.DataFrame(rows, columns=list(CANDIDATE_COLUMNS)).astype(CANDIDATE_COLUMNS)


def _rows(way: str, cases: list[Case], settings: EvaluationSettings) -> list[dict]:
    errors = pd.concat([location_errors(case.locations, case.truths).assign(case=number)
                        for number, case in enumerate(cases)])
    chosen: dict[str, Callable] = {condition.value: lambda rows, one=condition: rows[rows.condition == one.value]
                                   for condition in Condition}
    rows = []
    for name, choose in (chosen | {"all": lambda rows: rows}).items():
        part = choose(errors)
        if part.empty:
            continue
        by_study = part.groupby("study_id")["identified"].agg(["sum", "size"]).to_numpy(np.float64)
        drawn = replicate_sums(by_study, settings)
        between = interval(ratio(drawn[:, 0], drawn[:, 1]), settings)
        rows.append({"way": way, "condition": name, "targets": len(part), "identified": float(part.identified.mean()),
                     "interval": [between.low, between.high], "median_mm": float(part.distance_mm.median())})
    return rows
