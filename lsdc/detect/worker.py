"""The subprocess that trains: `python -m lsdc.detect.worker job.json`. Beside `reference` the only place
that imports ultralytics.

It runs alone because ultralytics changes torch's and OpenCV's threads, patches torch.save and looks at its
environment when imported. The parent sets that environment (see `train`). Progress goes to stdout, one json line an
epoch; all other output to stderr. It ends when its parent does.
"""

import json
import logging
import math
import os
import sys
import threading
import time
from pathlib import Path

import torch

from lsdc.detect.export import export_network
from lsdc.detect.starting_weights import starting_weights
from lsdc.detect.training_state import (
    STATE_FILE,
    averaged_network,
    begin_epoch,
    go_back,
    go_on,
    read_state,
    write_state,
)
from lsdc.errors import LsdcError, WeightsError

INTEGRATIONS = ("sync", "clearml", "comet", "dvc", "hub", "mlflow", "neptune", "raytune", "tensorboard", "wandb")
LOOK_AFTER_PARENT_SECONDS = 1.0
OBJECTS = 5  # of an image, as ultralytics assumes
MOST_RETURNS = 3  # to the last epoch, when a loss is no number
MOST_FIT = 0.6  # share of tensors; for our yolov8n, 318 of 355 of COCO's yolov8n fit, and 91 of yolov8s


def main(job_path: Path) -> None:
    job = json.loads(job_path.read_text(encoding="utf-8"))
    threading.Thread(target=_end_with_parent, args=(job["parent"],), daemon=True).start()
    report = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever ultralytics prints joins the log
    path = Path(job["overrides"]["save_dir"]) / STATE_FILE
    state = read_state(path)
    if state is None or state["epoch"] + 1 < job["overrides"]["epochs"]:
        _trainer(job, report, path, state).train()
        state = read_state(path)
    network = averaged_network(state, job["overrides"]["model"], job["classes"])
    export_network(network, Path(job["export"]), job["overrides"]["imgsz"])


def _trainer(job: dict, report, path: Path, state: dict | None):
    """The trainer of a new training, or of an interrupted one: that of `state`. Each epoch is kept in `path`."""
    from ultralytics.models.yolo.detect import DetectionTrainer
    from ultralytics.utils import LOGGER, SETTINGS

    class Trainer(DetectionTrainer):
        """Without validation: the detector is measured by locations on the tuning studies, not by boxes on its own."""

        def get_model(self, cfg=None, weights=None, verbose=True):
            model = super().get_model(cfg, None, verbose)
            if job["weights"]:
                start_from(model, starting_weights(Path(job["weights"])), job["weights"])
            else:
                _start_near(model.model[-1], self.args.imgsz, job["box_px"])
            return model

        def resume_training(self, ckpt):
            if state is not None:
                go_on(self, state)

        def save_model(self):
            _say(report, epoch=self.epoch + 1, loss={name: float(value) for name, value in self.tloss.items()})
            write_state(self, path)  # after it was said: an epoch may be said twice, and never not at all
            return True

        def _handle_nan_recovery(self, epoch):  # ultralytics' own unpickles its last.pt
            kept = None if self.loss is None or self.loss.isfinite() else read_state(path)
            if kept is None:
                return False
            self.nan_recovery_attempts += 1
            if self.nan_recovery_attempts > MOST_RETURNS:
                raise LsdcError("the detector's loss is no number", got=f"epoch {epoch + 1}, {MOST_RETURNS} tries",
                                remedy="lower detector.learning_rate, or look at the images with lsdc show")
            go_back(self, kept)
            return True

        def validate(self):
            return {}, None

        def final_eval(self):
            pass

    LOGGER.setLevel(logging.WARNING)  # no progress bars in the log
    SETTINGS.update({name: False for name in INTEGRATIONS if name in SETTINGS})
    overrides = dict(job["overrides"])
    for kept in Path(overrides["data"]).parent.glob("data/*.cache"):  # ultralytics would unpickle its list of labels
        kept.unlink()
    if job["brightness"]:
        import albumentations

        overrides["augmentations"] = [albumentations.RandomBrightnessContrast(
            brightness_limit=job["brightness"], contrast_limit=job["brightness"], p=0.75)]
    trainer = Trainer(overrides=overrides)
    trainer.add_callback("on_train_start", lambda _: torch.set_num_threads(job["threads"]))
    trainer.add_callback("on_train_start", lambda one: _say(report, epoch=one.start_epoch))
    trainer.add_callback("on_train_epoch_start", begin_epoch)
    return trainer


def _start_near(head, image_px: int, box_px: float) -> None:
    """Biases that make the untrained head say few objects of about our box size.

    ultralytics starts with boxes of 15 cells and the rarity of 640 px images; a small box then overlaps its target so
    little that nearly nothing is learned in the first epochs (its targets are weighted by that overlap).
    """
    bins = torch.arange(head.reg_max)
    for far, kind, stride in zip(head.cv2, head.cv3, head.stride.tolist(), strict=True):
        around = -2.0 * (bins - box_px / 2 / stride) ** 2  # logits of a narrow distribution around half a box
        far[-1].bias.data.copy_(around.repeat(4))
        torch.nn.init.constant_(kind[-1].bias, math.log(OBJECTS / head.nc / (image_px / stride) ** 2))


def start_from(model: torch.nn.Module, tensors: dict[str, torch.Tensor], where: str | None) -> None:
    """Take over the tensors that fit; a first convolution of colours is summed to one channel.

    WeightsError unless most fit: first convolution and class head may differ, not more.
    """
    ours = model.state_dict()
    fit = {name: tensors[name].float() for name, tensor in ours.items()
           if name in tensors and tensors[name].shape == tensor.shape}
    if len(fit) < MOST_FIT * len(ours):
        raise WeightsError("these starting weights are of another model", got=f"{len(fit)} of {len(ours)} tensors fit",
                           where=where, wanted="weights of the detector.architecture that the config names",
                           remedy="name the right file in detector.weights, or set it to null")
    first = next(iter(ours))
    colours = tensors.get(first)
    if first not in fit and colours is not None and colours.sum(1, keepdim=True).shape == ours[first].shape:
        fit[first] = colours.float().sum(1, keepdim=True)
    model.load_state_dict(fit, strict=False)


def _say(report, **values) -> None:
    line = json.dumps(values) + "\n"
    report.write(line)
    sys.stderr.write(line)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_AFTER_PARENT_SECONDS)
    os._exit(3)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except LsdcError as told:  # the parent shows the end of the log
        sys.exit(str(told))
