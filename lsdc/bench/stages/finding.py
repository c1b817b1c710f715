"""Finding: a study's slices through the detector, and its candidates to 25 places."""

import numpy as np
import torch

from lsdc.bench.stages.ground import FOLD, Ground
from lsdc.bench.stages.race import Race, Rival, Timed, Work
from lsdc.detect.best_boxes import best_boxes
from lsdc.detect.canvas import Canvases
from lsdc.detect.locations import locate_from_candidates

USUAL_PX = 640  # of ultralytics, and of the paper


def detect(ground: Ground) -> Race:
    detector = ground.detector  # and so the process beside is there
    return Race(lambda: detector.candidates(ground.study), "study", "arithmetic (the network)", (
        Rival("ultralytics' predict, slice by slice, as large", lambda: alone(ground, ground.same_sizes)),
        Rival(f"the same at its usual {USUAL_PX} px", lambda: alone(ground, [USUAL_PX] * len(ground.slices)), goal=3),
    ), bound=bare_detector(ground))


def decode_levels(ground: Ground) -> Race:
    return Race(lambda: locate_from_candidates(ground.study, ground.candidates, ground.detector, fold=FOLD), "study",
                "Python and small arrays", (
        Rival("the best box of each class (the paper's way)", lambda: best_boxes(ground.named_candidates)),))


def alone(ground: Ground, sizes: list[int]) -> Timed:
    """Every slice by itself in the process beside; gives the boxes."""
    return Timed(*ground.beside.predict(sizes))


def bare_detector(ground: Ground) -> Work:
    """The network alone on canvases of the same number and sizes."""
    detector, batches = ground.detector, []
    for one in ground.study.series:
        canvases = Canvases.for_inference(one.series, detector.settings)
        drawn = np.stack([canvases.draw(index)[0] for index in range(len(one.series))])
        batches += torch.from_numpy(drawn).float()[:, None].div(255).to(
            memory_format=torch.channels_last).split(detector.batch)

    @torch.inference_mode()
    def forward() -> list[torch.Tensor]:
        return [detector.network(batch) for batch in batches]

    return forward
