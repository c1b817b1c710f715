"""The subprocess that detects as one does without the kit: `python -m lsdc.detect.reference job.json`, for the bench.

Beside `worker` the only place that imports ultralytics. It builds an untrained network of the job, exports it for our
side, says so in a line of json, and then answers orders, one json line each, on stdin: a slice after the other through
`model.predict`, or steps of training. Its seconds are of that work alone. It ends with its input.
"""

import json
import logging
import math
import os
import sys
import time
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import torch

from lsdc.detect.export import RawHead, export_network

BOXES = 20  # of a slice that pass the bound of confidence: about what a trained network sees
STEP_BOXES = 4  # of an image in a step of training


def main(job_path: Path) -> None:
    job = json.loads(job_path.read_text(encoding="utf-8"))
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever ultralytics prints joins the log
    from ultralytics import YOLO
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils import LOGGER

    LOGGER.setLevel(logging.WARNING)
    torch.set_num_threads(job["threads"])
    torch.manual_seed(job["seed"])
    slices = list(np.load(job["slices"]).values())
    network = DetectionModel(f"{job['architecture']}.yaml", ch=1, nc=len(job["names"]), verbose=False)
    _wake(network, slices, job)
    model = YOLO(f"{job['architecture']}.yaml", task="detect", verbose=False)
    model.model, network.names = network, dict(enumerate(job["names"]))
    export_network(deepcopy(network), Path(job["export"]), job["image_px"])
    answers.write("{}\n")
    steps = {}
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "predict":
            said = _predict(model, slices, order["sizes"], job)
        else:
            size = order["image_px"], order["batch"]
            if size not in steps:
                steps[size] = _step(deepcopy(network), *size)
            said = steps[size]()
        answers.write(json.dumps(said) + "\n")


def _predict(model, slices: list[np.ndarray], sizes: list[int], job: dict) -> dict:
    """Every slice by itself: greys of its own extremes, `predict` at its size; boxes x1, y1, x2, y2, score, class."""
    boxes, start = [], time.perf_counter()
    for image, size in zip(slices, sizes, strict=True):
        found = model.predict(_grey(image)[..., None], imgsz=size, conf=job["confidence"], iou=job["overlap"],
                              device="cpu", verbose=False)
        boxes.append(found[0].boxes.data.numpy())
    return {"seconds": time.perf_counter() - start, "boxes": [one.round(2).tolist() for one in boxes]}


def _grey(image: np.ndarray) -> np.ndarray:
    """(h, w) uint8."""
    low, high = image.min(), image.max()
    return ((image - low) / max(high - low, 1e-9) * 255).astype(np.uint8)


def _wake(network, slices: list[np.ndarray], job: dict) -> None:
    """A head that lets about BOXES boxes of a slice pass: an untrained one finds none, and choosing takes time too.

    Its logits, nearly all alike at first, are spread to a standard deviation of 1.
    """
    network.eval()
    side, raw = job["image_px"], RawHead(network)
    images = np.stack([cv2.resize(_grey(image), (side, side), interpolation=cv2.INTER_AREA) for image in slices])
    images = torch.from_numpy(images)[:, None] / 255

    def logits() -> torch.Tensor:
        return torch.cat([raw(some)[:, -len(job["names"]):] for some in images.split(8)])

    with torch.no_grad():
        for kind in network.model[-1].cv3:
            kind[-1].bias.zero_()  # which differs from level to level
        spread = logits().std()
        for kind in network.model[-1].cv3:
            kind[-1].weight /= spread
        found = np.sort(logits().numpy(), axis=None)
        bound = found[-min(BOXES * len(slices), len(found) // 2)]
        for kind in network.model[-1].cv3:
            kind[-1].bias.fill_(math.log(job["confidence"] / (1 - job["confidence"])) - float(bound))


def _step(network, side: int, batch: int):
    """A function that makes one step of training as ultralytics does, on drawn images, and tells its seconds."""
    network.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    network.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    count = batch * STEP_BOXES
    shown = {"img": torch.rand(batch, 1, side, side), "batch_idx": torch.arange(batch).repeat_interleave(STEP_BOXES),
             "cls": torch.randint(network.model[-1].nc, (count, 1)).float(),
             "bboxes": torch.cat([torch.rand(count, 2) * 0.6 + 0.2, torch.full((count, 2), 0.1)], dim=1)}

    def step() -> dict:
        start = time.perf_counter()
        optimizer.zero_grad()
        loss, _ = network.loss(shown)
        loss.sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
        seconds, start = time.perf_counter() - start, time.perf_counter()
        with torch.no_grad():
            network(shown["img"])
        return {"seconds": seconds, "forward_seconds": time.perf_counter() - start}

    return step


if __name__ == "__main__":
    main(Path(sys.argv[1]))
