"""What the phantom's images are worth, shown by three small networks with the same short training.

One sees perfect crops around the true places: it should go most of the way from priors to floor, for the images carry
the latents. One sees whole downsampled images, one axial slices without their geometry: they should do clearly worse,
for places and levels matter. The true places are read here because this is a proof about the phantom, not the kit.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from tabulate import tabulate

from lsdc.bench.saved import save_figures
from lsdc.bench.small_network import Images, answer, train_small
from lsdc.bench.views import StudyViews, study_views
from lsdc.competition import CompetitionFolder
from lsdc.competition.priors import prior_predictions, prior_table
from lsdc.config import Settings
from lsdc.errors import DataError
from lsdc.evaluate import compare, figures_of, read_floor
from lsdc.evaluate.floor import truth_folder
from lsdc.processes import each
from lsdc.tables import GRADES, KEYPOINTS, POINTS, SUBMISSION
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, Condition, row_id

NETWORKS = ("perfect crops", "whole images", "axial slices")


def bench_evidence(folder: CompetitionFolder, settings: Settings, *, training: int, steps: int) -> str:
    """Train the three networks on the first `training` studies of a phantom and score them on its others.

    The table as text; the figures are saved as json under the cache folder. DataError when the folder is no phantom.
    """
    truth = truth_folder(folder.root)
    if truth is None:
        raise DataError("this evidence needs the phantom's truth", wanted="the folder truth beside it",
                        where=folder.root, remedy="leave DATA (--data) out")
    studies = folder.study_ids("train")
    severity = _severities(folder, studies)
    priors = prior_table(folder.grades[folder.grades["study_id"].isin(studies[:training])])
    started = time.perf_counter()
    views = _views(folder, studies, KEYPOINTS.read(truth / "keypoints.csv"), settings)
    reading = time.perf_counter() - started
    predictions, seconds = {}, {}
    for name, images in zip(NETWORKS, _images(views), strict=True):
        started = time.perf_counter()
        predictions[name] = _predicted(images, severity, priors.to_numpy(), studies, settings, training, steps)
        seconds[name] = time.perf_counter() - started
    return _report(folder, studies[training:], predictions, priors, settings,
                   {"training": training, "steps": steps, "seconds_reading": reading, "seconds": seconds})


def evidence_settings(settings: Settings, studies: int) -> Settings:
    """The settings with a phantom of so many training studies, and but one for the test."""
    phantom = settings.phantom.model_copy(update={"train_studies": studies, "test_studies": 1})
    return settings.model_copy(update={"phantom": phantom})


def _severities(folder: CompetitionFolder, studies: Sequence[int]) -> np.ndarray:
    """(studies, 25) grades 0 to 2, -1 where there is none."""
    order = folder.grades.set_index(["study_id", "condition", "side", "level"])["severity"]
    keys = [(study, *map(str, target)) for study in studies for target in TARGETS]
    return pd.Index(SEVERITY_COLUMNS).get_indexer(order.loc[keys]).reshape(-1, len(TARGETS))


def _views(folder: CompetitionFolder, studies: Sequence[int], keypoints: pd.DataFrame, settings: Settings
           ) -> list[StudyViews]:
    targets = keypoints[keypoints["structure"].isin(list(Condition))]
    places = dict(list(targets.groupby("study_id")))
    light = replace(folder, grades=GRADES.empty(), points=POINTS.empty())  # it goes to each process
    return list(each(study_views, [(study, places[study]) for study in studies], what="reading studies",
                     workers=settings.compute.workers, shared=(light, settings.crops)))


def _images(views: Sequence[StudyViews]) -> list[Images]:
    """What each of NETWORKS sees."""
    numbers = np.arange(len(views))
    cut = np.stack([one.cut for one in views])  # (studies, 25)
    crops = Images(np.concatenate([one.crops[one.cut] for one in views]), np.repeat(numbers, cut.sum(axis=1)),
                   np.tile(np.eye(len(TARGETS), dtype=bool), (len(views), 1))[cut.ravel()], located=True)
    return [crops, *(_all_targets([getattr(one, name) for one in views]) for name in ("whole", "axial"))]


def _all_targets(images: Sequence[np.ndarray]) -> Images:
    study = np.repeat(np.arange(len(images)), [len(one) for one in images])
    return Images(np.concatenate(images), study, np.ones((len(study), len(TARGETS)), bool), located=False)


def _predicted(images: Images, severity: np.ndarray, priors: np.ndarray, studies: Sequence[int], settings: Settings,
               training: int, steps: int) -> pd.DataFrame:
    """SUBMISSION rows of the studies after the first `training` ones, the last of which only choose the round."""
    numbers = np.arange(len(studies))
    tuning = numbers[training - max(1, round(settings.folds.tuning_share * training)):training]
    network = train_small(images.of(numbers[:training]), severity, tuning, priors, settings, steps=steps)
    answers = answer(network, images.of(numbers[training:]), priors)
    values = np.concatenate([answers.get(number, priors) for number in numbers[training:]])
    frame = pd.DataFrame(values, columns=list(SEVERITY_COLUMNS))
    frame.insert(0, "row_id", [row_id(studies[number], target) for number in numbers[training:] for target in TARGETS])
    return SUBMISSION.frame(frame)


def _report(folder: CompetitionFolder, scored: Sequence[int], predictions: dict[str, pd.DataFrame],
            priors: pd.DataFrame, settings: Settings, facts: dict) -> str:
    grades = folder.grades[folder.grades["study_id"].isin(scored)]
    ends = {"priors": prior_predictions(priors, scored), "floor": read_floor(folder.root, scored)}
    rows, networks = [], []
    for name, table in predictions.items():
        figures = figures_of(grades, table, settings=settings.evaluation, **ends)
        first = compare(grades, predictions[NETWORKS[0]], table, settings.evaluation)
        score = {one["name"]: one for one in figures["scores"]}
        way = figures["share_of_way"]
        less = {"value": first.value, "interval": [first.interval.low, first.interval.high]}
        networks.append({**score["model"], "name": name, "share_of_way": way, "first_minus_this": less,
                         "minus_priors": figures["model_minus_priors"]})
        rows.append((name, _spread(score["model"]["total"], score["model"]["intervals"]["total"]),
                     _spread(**way), "" if name == NETWORKS[0] else _spread(**less), f"{facts['seconds'][name]:.0f}"))
    rows += [(name, _spread(score[name]["total"], score[name]["intervals"]["total"]), "", "", "") for name in ends]
    said = save_figures("evidence", {"studies": len(scored), **facts, "networks": networks,
                                     "ends": [score[name] for name in ends]})
    text = tabulate(rows, headers=("", "total", "share of the way", f"{NETWORKS[0]} minus this", "seconds"),
                    disable_numparse=True, colalign=("left", "right", "right", "right", "right"))
    return (f"{text}\n\n{100 * settings.evaluation.interval:g} % intervals from bootstraps over {len(scored)} studies, "
            f"paired; {facts['training']} training studies read in {facts['seconds_reading']:.0f} s, "
            f"{facts['steps']} steps of {settings.classifier.network} each; {said}")


def _spread(value: float | None, interval: Sequence[float | None]) -> str:
    shown = ["-" if one is None else f"{one:.3f}" for one in (value, *interval)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"
