"""Grading: crops, the network on them, and the checked submission."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch

from lsdc.bench.stages.ground import Ground
from lsdc.bench.stages.race import Race, Rival, Work
from lsdc.competition import Study
from lsdc.crops import Views, cut_views
from lsdc.grade.predict import Grader
from lsdc.seeding import generator
from lsdc.submit.writer import write_submission
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, Target, row_id

WRITTEN_STUDIES = 500  # about as many as the hidden test set
BATCH_TOLERANCE, WRITTEN_TOLERANCE = 1e-5, 1e-9  # of probabilities: from batches of other sizes, and in a file


def crops(ground: Ground) -> Race:
    places, px = ground.places, ground.settings.crops.size_px

    def resized() -> list[np.ndarray]:
        patch = np.zeros((2 * px, 2 * px), np.float32)
        return [cv2.resize(patch, (px, px)) for _ in places for _ in range(ground.settings.crops.slices)]

    return Race(lambda: cut_all(ground, ground.fresh()), "study", "Python (geometry of each patch)", (
        Rival("pixels around the place, resized, each slice by its extremes",
              lambda: [plain_crop(ground, row, ground.settings.crops.slices) for row in places.values()]),
    ), bound=resized)


def grade(ground: Ground) -> Race:
    views, grader = cut_all(ground, ground.study), ground.grader
    one_by_one = Grader(grader.trained, grader.device, batch_size=1)
    rivals = () if grader.model.sequence is not None else (  # whose targets see each other, so that none is alone
        Rival("the same network, a call for each crop", lambda: one_by_one.answers(ground.study_id, views),
              agrees=same_answers),)
    return Race(lambda: grader.answers(ground.study_id, views), "study", "arithmetic (the network)", rivals,
                bound=bare_grader(ground, views))


def write(ground: Ground) -> Race:
    ids = [row_id(study, target) for study in range(10**6, 10**6 + WRITTEN_STUDIES) for target in TARGETS]
    values = generator(0, "written answers").dirichlet(np.ones(3), len(ids))
    table = pd.DataFrame(values, columns=list(SEVERITY_COLUMNS)).assign(row_id=ids)
    out, plain, raw = (ground.scratch / f"{name}.csv" for name in ("submission", "plain", "raw"))
    write_submission(table, ids, out)
    data = out.read_bytes()
    return Race(lambda: write_submission(table, ids, out), f"submission of {WRITTEN_STUDIES} studies",
                "Python (numbers to text)", (
        Rival("pandas' to_csv, nothing checked",
              lambda: table[["row_id", *SEVERITY_COLUMNS]].to_csv(plain, index=False),
              agrees=lambda *_: same_tables(out, plain)),
    ), bound=lambda: Path(raw).write_bytes(data))


def same_answers(together: dict, alone: dict) -> bool:
    return together.keys() == alone.keys() and all(
        np.allclose(together[target], alone[target], rtol=0, atol=BATCH_TOLERANCE) for target in together)


def same_tables(*paths: Path) -> bool:
    """Whether csv files say the same numbers, to the digits that ours are written with."""
    one, other = (pd.read_csv(path) for path in paths)
    return list(one) == list(other) and one["row_id"].equals(other["row_id"]) and np.allclose(
        one[list(SEVERITY_COLUMNS)], other[list(SEVERITY_COLUMNS)], rtol=0, atol=WRITTEN_TOLERANCE)


def cut_all(ground: Ground, study: Study) -> dict[Target, Views]:
    among = {int(row["series_id"]) for row in ground.places.values()}
    return {target: cut_views(study, row, ground.settings.crops, among=among) for target, row in ground.places.items()}


def plain_crop(ground: Ground, row: dict, slices: int) -> np.ndarray:
    """(slices, P, P) float32 in 0..1: a square of pixels around a place, on its slice and the next by number."""
    images, half = ground.study.by_id(int(row["series_id"])).series.images, ground.settings.crops.size_px
    x, y, middle = round(row["x_px"]), round(row["y_px"]), int(row["slice_index"])
    shown = []
    for index in range(middle - slices // 2, middle + slices // 2 + 1):
        image = images[min(max(index, 0), len(images) - 1)]
        low, high = image.min(), image.max()
        patch = image[max(y - half, 0):y + half, max(x - half, 0):x + half]
        shown.append(cv2.resize((patch - low) / max(high - low, 1e-9), (half, half)))
    return np.stack(shown)


def bare_grader(ground: Ground, views: dict[Target, Views]) -> Work:
    """The network alone on the same crops, ready as tensors, as often as a prediction calls it."""
    grader = ground.grader
    batch = grader.batch(ground.study_id, views)
    calls = 2 if grader.trained.classifier.flip_at_test else 1

    @torch.inference_mode()
    def forward() -> list:
        return [grader.model(batch) for _ in range(calls)]

    return forward
