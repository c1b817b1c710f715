"""A trained classifier on disk: weights and a description that rebuild the network alone."""

from dataclasses import dataclass
from pathlib import Path

import pydantic
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

import lsdc
from lsdc.config.sections import ClassifierSettings, CropSettings
from lsdc.errors import StorageError, WeightsError
from lsdc.files import file_hash, read_json, write_json, written_aside
from lsdc.grade.model import GradingModel, build_model
from lsdc.taxonomy import TARGETS

FORMAT = 2
WEIGHTS_FILE, DESCRIPTION_FILE = "classifier.safetensors", "classifier.json"


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network with what it must be fed."""

    model: GradingModel
    classifier: ClassifierSettings
    crops: CropSettings
    fold: int


def save_classifier(trained: Classifier, folder: Path, **told: object) -> None:
    """Write weights, then the description that makes them count; `told` is kept in it for the reader."""
    folder = Path(folder)
    state = {name: value.detach().cpu().contiguous() for name, value in trained.model.state_dict().items()}
    with written_aside(folder / WEIGHTS_FILE) as aside:
        aside.write_bytes(save(state))  # by Python, which tells of a full disk as every other file does
    write_json(folder / DESCRIPTION_FILE, {
        "format": FORMAT, "kit": lsdc.__version__, "torch": torch.__version__, "fold": trained.fold,
        # local weights were only the start of the training
        "classifier": trained.classifier.model_dump(mode="json") | {"weights": None},
        "crops": trained.crops.model_dump(mode="json"),
        "targets": [target.column for target in TARGETS],
        "sha256": file_hash(folder / WEIGHTS_FILE), **told,
    })


def load_classifier(folder: Path) -> Classifier:
    """Read a classifier; WeightsError when a file is missing, damaged, or of another network."""
    folder = Path(folder)
    for name in (DESCRIPTION_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise WeightsError("a classifier is not there, or not whole", wanted=name, where=folder,
                               remedy="train the fold first; an interrupted training goes on with the same command")
    try:
        told = read_json(folder / DESCRIPTION_FILE)
        classifier = ClassifierSettings(**told["classifier"])
        crops = CropSettings(**told["crops"])
        fold = int(told["fold"])
        targets, digest, version = told["targets"], told["sha256"], told["format"]
    except (StorageError, KeyError, TypeError, ValueError, OverflowError, pydantic.ValidationError) as error:
        raise WeightsError("a classifier's description cannot be read", got=f"{type(error).__name__}: {error}",
                           where=folder / DESCRIPTION_FILE, remedy="train again, or use its own kit") from error
    if version != FORMAT or targets != [target.column for target in TARGETS]:
        raise WeightsError("a classifier of another version of the kit", wanted=f"format {FORMAT}", got=version,
                           where=folder, remedy="use the kit that made it, or train again")
    if file_hash(folder / WEIGHTS_FILE) != digest:
        raise WeightsError("the weights are not those that the description was written for", where=folder,
                           wanted=f"sha256 {digest}", remedy="copy both files again")
    with torch.random.fork_rng():  # the initial weights are drawn in vain
        model = build_model(classifier, crops)
    try:
        model.load_state_dict(load_file(folder / WEIGHTS_FILE))
    except (RuntimeError, SafetensorError) as error:
        raise WeightsError("the weights are of another network", wanted=classifier.network, where=folder,
                           got=" ".join(str(error).split())[:300], remedy="copy both files again") from error
    return Classifier(model.eval(), classifier, crops, fold)
