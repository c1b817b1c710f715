"""Average precision: by hand, and the same numbers as ultralytics on random boxes."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from lsdc.detect.box_matches import box_iou, paired
from lsdc.evaluate.average_precision import average_precision, class_boxes
from lsdc.tables import BOX_MATCHES

ASK = '''
import json, sys
import numpy as np, torch
from ultralytics.engine.validator import BaseValidator
from ultralytics.utils.metrics import ap_per_class, box_iou

class Judge:
    iouv = torch.linspace(0.5, 0.95, 10)

images = json.load(open(sys.argv[1]))
tp, overlaps = [], []
for one in images:
    order = np.argsort([-score for score in one["scores"]])
    boxes, classes = (torch.tensor(np.array(one[name], dtype=np.float64)[order]) for name in ("boxes", "classes"))
    true = torch.tensor(one["true_boxes"], dtype=torch.float64)
    overlap = box_iou(true, boxes)
    overlaps.append(overlap.sum().item())
    hit = BaseValidator.match_predictions(Judge(), classes, torch.tensor(one["true_classes"]), overlap)
    back = np.empty_like(hit.numpy())
    back[order] = hit.numpy()
    tp.append(back)
joined = lambda name: np.concatenate([one[name] for one in images])
found = ap_per_class(np.concatenate(tp), joined("scores"), joined("classes"), joined("true_classes"))
print(json.dumps({"ap": found[5].tolist(), "classes": found[6].tolist(), "overlap": sum(overlaps)}))
'''


def random_images(seed: int, count: int = 30) -> list[dict]:
    """Boxes of four classes, several of one class on an image and overlapping; the fifth class is never true."""
    draw, images = np.random.default_rng(seed), []
    for _ in range(count):
        classes = draw.integers(4, size=draw.integers(1, 7))
        centres, sides = draw.uniform(20, 60, (len(classes), 2)), draw.uniform(14, 24, (len(classes), 1))
        true = np.hstack([centres - sides / 2, centres + sides / 2])
        copies = draw.integers(len(classes), size=3 * len(classes))
        boxes = true[copies] + draw.normal(0, 2, (len(copies), 4))
        named = np.where(draw.random(len(copies)) < 0.1, draw.integers(5, size=len(copies)), classes[copies])
        images.append({"true_boxes": true.tolist(), "true_classes": classes.tolist(), "boxes": boxes.tolist(),
                       "classes": named.tolist(), "scores": draw.random(len(copies)).tolist()})
    return images


def table_of(images: list[dict], study_of=lambda number: number % 7) -> pd.DataFrame:
    rows = [paired(*(np.array(one[name]) for name in ("boxes", "scores", "classes", "true_boxes", "true_classes")))
            .assign(study_id=study_of(number), series_id=1, slice_index=number, condition="canal")
            for number, one in enumerate(images)]
    table = pd.concat(rows)
    return BOX_MATCHES.check(table.assign(detector_class=table["detector_class"].astype(str)))


@pytest.mark.skipif(find_spec("ultralytics") is None, reason="ultralytics is not installed")
def test_equal_to_ultralytics(tmp_path):
    images = random_images(0)
    (tmp_path / "boxes.json").write_text(json.dumps(images))
    told = subprocess.run([sys.executable, "-c", ASK, tmp_path / "boxes.json"], capture_output=True, text=True,
                          check=True, cwd=tmp_path, env=os.environ | {
                              "YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_CONFIG_DIR": str(tmp_path)})
    theirs = json.loads(told.stdout.splitlines()[-1])
    assert sum(box_iou(np.array(one["true_boxes"]), np.array(one["boxes"])).sum() for one in images) == pytest.approx(
        theirs["overlap"], rel=1e-6)
    ours = class_boxes(table_of(images), list(range(7)))
    assert list(ours) == [str(name) for name in theirs["classes"]] == ["0", "1", "2", "3"]
    values = np.concatenate([average_precision(boxes, np.ones((1, 7))) for boxes in ours.values()])
    np.testing.assert_allclose(values, theirs["ap"], atol=1e-6)
    assert 0.2 < values[:, 0].mean() < 0.95  # a case with both hits and misses
    assert (np.diff(values, axis=1) < 0).any()


@pytest.mark.parametrize("counts", [(2, 0, 1, 1, 0, 3, 0), (0, 0, 0, 0, 0, 0, 1)])
def test_a_study_drawn_twice_is_a_study_that_is_there_twice(counts):
    images = random_images(1)
    table = table_of(images)
    copies = [table[table["study_id"] == study].assign(series_id=10 * copy + 1, study_id=study)
              for study, count in enumerate(counts) for copy in range(count)]
    there = sorted({study for study, count in enumerate(counts) if count})
    repeated = class_boxes(pd.concat(copies), there)
    drawn = class_boxes(table, list(range(7)))
    for name, boxes in repeated.items():
        np.testing.assert_allclose(average_precision(drawn[name], np.array([counts])),
                                   average_precision(boxes, np.ones((1, len(there)))), atol=1e-12)


def one_class(rows) -> pd.DataFrame:
    """BOX_MATCHES of slice 0 of study 1 from (prediction, confidence, truth, iou); None is missing."""
    return BOX_MATCHES.frame([{"study_id": 1, "series_id": 1, "slice_index": 0, "condition": "canal",
                               "detector_class": "a", **dict(zip(("prediction", "confidence", "truth", "iou"), row,
                                                                 strict=True))} for row in rows])


def precisions(rows) -> list[float]:
    return average_precision(class_boxes(one_class(rows), [1])["a"], np.ones((1, 1)))[0].round(6).tolist()


TRUTHS = [(None, None, 0, None), (None, None, 1, None)]


def test_all_found():
    """Recall 1 itself is never passed, so ultralytics' best is .995."""
    assert precisions([*TRUTHS, (0, 0.9, 0, 0.97), (1, 0.8, 1, 0.72)]) == [0.995] * 5 + [0.495] * 5


def test_a_weak_false_box_costs_nothing_and_a_strong_one_half():
    found = (0, 0.9, 0, 0.97)
    assert precisions([TRUTHS[0], found, (1, 0.1, None, None)])[0] == 0.995
    assert precisions([TRUTHS[0], found, (1, 0.95, None, None)])[0] == pytest.approx(0.995 / 2)


def test_a_surer_box_takes_the_truth_where_it_is_good_enough():
    """The surer one overlaps by .6, the other by .9: from .65 on the other one is the hit, behind a false box."""
    found = precisions([TRUTHS[0], (0, 0.9, 0, 0.62), (1, 0.8, 0, 0.92)])
    assert found[:3] == [0.995] * 3
    assert found[3:9] == [pytest.approx(0.995 / 2)] * 6
    assert found[9] == 0


def test_a_box_takes_its_second_choice_where_the_first_is_taken():
    rows = [*TRUTHS, (0, 0.9, 0, 0.8), (1, 0.8, 0, 0.7), (1, 0.8, 1, 0.6)]
    assert precisions(rows)[:3] == [0.995] * 3


def test_nothing_found_and_nothing_true():
    assert precisions(TRUTHS) == [0] * 10
    assert class_boxes(one_class([(0, 0.5, None, None)]), [1]) == {}
    there = class_boxes(one_class(TRUTHS), [1, 2])["a"]
    assert np.isnan(average_precision(there, np.array([[0, 1]]))).all()  # the study drawn has no true box
