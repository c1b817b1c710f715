"""A whole study, from its files to its rows, against the paper's way: a look at every slice, a call of its
own classifier for every crop. The detector is the same on both sides.
"""

import time

import torch

from lsdc.bench.stages.finding import USUAL_PX, alone, bare_detector
from lsdc.bench.stages.grading import bare_grader, cut_all, plain_crop
from lsdc.bench.stages.ground import FOLD, Ground
from lsdc.bench.stages.plain_dicom import plain_volume
from lsdc.bench.stages.race import Race, Rival, Timed
from lsdc.competition import read_study
from lsdc.detect.best_boxes import best_boxes
from lsdc.detect.locations import locate_from_candidates
from lsdc.grade.heads import LEVELS
from lsdc.grade.model import CONDITIONS, SIDES, build_model
from lsdc.taxonomy import Target


def whole_study(ground: Ground) -> Race:
    """Places come from the annotated points on both sides: untrained networks would find none."""
    detector, grader, candidates, priors = ground.detector, ground.grader, ground.candidates, ground.priors

    def ours() -> object:
        study = read_study(ground.folder, ground.study_id, "train")
        detector.candidates(study)
        located = locate_from_candidates(study, candidates, detector, fold=FOLD)
        return grader.rows(study, located.locations, priors)

    networks = bare_detector(ground), bare_grader(ground, cut_all(ground, ground.study))
    paper = PaperWay(ground)
    return Race(ours, "study, files in memory", "arithmetic (both networks)", (
        Rival("pydicom, predict as large on every slice, DeepScoreNet on every crop",
              lambda: paper.study(ground.same_sizes)),
        Rival(f"the same with the paper's {USUAL_PX} px",
              lambda: paper.study([USUAL_PX] * len(ground.slices)), goal=5),
    ), bound=lambda: [forward() for forward in networks])


class PaperWay:
    """Detector on every slice, the best box of each class, DeepScoreNet on one crop after the other."""

    def __init__(self, ground: Ground):
        self.ground = ground
        plain = ground.settings.classifier.model_copy(update={
            "network": "deepscorenet", "weights": None, "shared": False, "slices": "stacked", "sequence_layers": 0,
            "head": "softmax", "level_bias": False, "metric_weights": "at_inference"})
        self.model = build_model(plain, ground.settings.crops.model_copy(update={"views": "own", "slices": 1})).eval()

    def study(self, sizes: list[int]) -> Timed:
        """Probabilities (targets, 3); seconds of reading, detecting (in the process beside) and grading together."""
        start = time.perf_counter()
        for folder in self.ground.series_folders:
            plain_volume(folder)
        read_s = time.perf_counter() - start
        seen = alone(self.ground, sizes)
        start = time.perf_counter()
        best_boxes(self.ground.named_candidates)
        answers = [self._answer(target, row) for target, row in self.ground.places.items()]
        return Timed(answers, read_s + seen.seconds + time.perf_counter() - start)

    @torch.inference_mode()
    def _answer(self, target: Target, row: dict) -> list[float]:
        batch = {
            "image": torch.from_numpy(plain_crop(self.ground, row, 1))[None, None],
            "seen": torch.ones(1, 1, dtype=torch.bool),
            "valid": torch.ones(1, 1, 1, dtype=torch.bool),
            "condition": torch.tensor([CONDITIONS.index(target.condition)]),
            "side": torch.tensor([SIDES.index(target.side)]), "level": torch.tensor([LEVELS.index(target.level)]),
            "study": torch.tensor([self.ground.study_id])}
        return self.model(batch).logits[0].softmax(dim=0).tolist()
