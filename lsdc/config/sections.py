"""Every setting of the kit, typed, by section. Units are in the names; yaml files under configs/ give the values."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, model_validator

from lsdc.config.record import Record
from lsdc.taxonomy import Condition

Share = Field(ge=0, le=1)


def _odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError("must be odd, to have a middle slice")
    return number


class PerCondition(Record):
    """One positive number for each condition."""

    canal: PositiveFloat
    foraminal: PositiveFloat
    subarticular: PositiveFloat

    def of(self, condition: Condition) -> float:
        return getattr(self, condition.value)


class PhantomSettings(Record):
    """The synthetic competition folder that stands in when no real one is given."""

    train_studies: PositiveInt
    test_studies: PositiveInt
    seed: int = Field(ge=0)
    quirks: tuple[str, ...] = Field(
        description="quirks forced on every study, by name; all deals each out at least once; []: by chance alone")


class FoldSettings(Record):
    count: int = Field(ge=2)
    seed: int = Field(ge=0)
    file: Path | None = Field(description="an own folds.csv (study_id, fold) to use instead of making one")
    tuning_share: float = Field(
        gt=0, lt=0.5,
        description="share of a fold's training studies kept out of detector training, to measure its error honestly",
    )


class DetectorSettings(Record):
    """One YOLOv8 for all three planes; images resampled to fixed mm per pixel, boxes in mm (the paper's: in pixels)."""

    architecture: Literal["yolov8n", "yolov8s", "yolov8m"]
    weights: Path | None = Field(description="a local weights file to start from; null trains from scratch")
    classes: Literal["image", "side_and_level"] = Field(
        description="image: what a slice can show, the rest by patient geometry; side_and_level: every target by its "
                    "name, located by its best box alone, as in the paper")
    slices: Literal["near", "annotated"] = Field(
        description="near: slices about the points too, and negatives; annotated: as the paper did, those with points "
                    "alone. With side_and_level annotated, with image near")
    mm_per_px: PositiveFloat | None = Field(description="null fits each series' slices into image_px")
    image_px: PositiveInt = Field(multiple_of=32)
    box_mm: PerCondition | None = Field(description="side of the boxes; null: box_px instead")
    box_px: PositiveInt | None = Field(description="side in the slice's own pixels, as in the paper; null: box_mm")
    window: Literal["series", "slice"] = Field(description="grey values from percentiles of the series, or a slice's "
                                                           "own least and largest value")
    epochs: PositiveInt
    batch: PositiveInt
    optimizer: Literal["AdamW", "SGD"]
    learning_rate: PositiveFloat
    warmup_epochs: float = Field(ge=0)
    mosaic: float = Share
    rotate_degrees: float = Field(ge=0, le=45)
    scale: float = Field(ge=0, lt=1)
    translate: float = Share
    flip_horizontal: float = Field(ge=0, le=1, description="share of flipped images, as in the paper; it makes side "
                                                            "labels false, so 0 with image classes")
    brightness: float = Share
    slices_per_series: PositiveInt = Field(description="training slices drawn from a series, annotated ones first")
    confidence: float = Field(gt=0, lt=1, description="candidates below this are not looked at")
    overlap: float = Field(gt=0, lt=1, description="non-maximum suppression: IoU above which a weaker box is dropped")

    @model_validator(mode="after")
    def _goes_together(self):
        if (self.box_mm is None) == (self.box_px is None):
            raise ValueError("give one of box_mm and box_px, and null for the other")
        if self.classes == "image" and self.flip_horizontal:
            raise ValueError("flip_horizontal must be 0 with classes: image, whose left and right it would make false")
        if (self.classes == "image") != (self.slices == "near"):
            raise ValueError("slices must be near with classes: image, and annotated with side_and_level")
        return self


class CropSettings(Record):
    """Patches around a location: all conditions share size_px and slices; size_mm differs."""

    size_px: PositiveInt
    size_mm: PerCondition | None = Field(description="null cuts size_px native pixels, as the paper did")
    slices: Annotated[int, Field(ge=1), AfterValidator(_odd)]
    intensity: Literal["percentile", "minmax"]
    mirror_right: bool = Field(description="show right targets as their left mirror image")


class ClassifierSettings(Record):
    network: str = Field(description="deepscorenet, or the name of a timm network")
    weights: Path | None = Field(description="local pretrained weights of a timm network; null starts from scratch")
    shared: bool = Field(description="one trunk with a head per condition; false: one network per condition")
    head: Literal["softmax", "ordinal"] = Field(
        description="softmax: three free logits; ordinal: one degree of narrowing against thresholds")
    level_bias: bool = Field(description="a bias (or thresholds) for each level, so that the network knows where it is")
    dropout: float = Field(ge=0, lt=1)


class TrainingSettings(Record):
    """Classifier training. The metric's weights (1/2/4) are in the loss, so predictions carry them already."""

    epochs: PositiveInt
    batch_size: PositiveInt
    optimizer: Literal["AdamW", "SGD"]
    learning_rate: PositiveFloat
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    warmup_epochs: float = Field(ge=0)
    schedule: Literal["cosine", "constant"]
    loss: Literal["weighted_cross_entropy", "focal"]
    focal_gamma: float = Field(ge=0)
    focal_weighting: Literal["as_run", "as_intended"] = Field(description="class weights of the paper's focal loss")
    label_smoothing: float = Field(ge=0, lt=1)
    early_stop_patience: int = Field(ge=0, description="epochs without a better tuning loss; 0 trains to the end")
    ema_decay: float = Field(ge=0, lt=1, description="moving average of the weights used for prediction; 0 is off")
    gradient_clip: float = Field(ge=0)
    balance: bool = Field(description="resample rare severities as the paper did")


class AugmentSettings(Record):
    """Drawn anew for each sample and epoch, training studies only. None of them may make a label false."""

    location_jitter: float = Field(ge=0, description="times the detector's measured location error; 0 is off")
    rotate_degrees: float = Field(ge=0, le=45)
    scale: float = Field(ge=0, lt=1)
    flip_vertical: bool
    flip_horizontal: bool
    brightness: float = Share
    contrast: float = Share
    noise_sd: float = Share
    blur: float = Share


class ComputeSettings(Record):
    accelerator: Literal["auto", "cpu", "gpu"]
    devices: PositiveInt = Field(description=(
        "processes that share each batch of the classifier's training: GPUs, or with accelerator cpu that many on the "
        "CPU, which shows that it works but is not faster; auto without a GPU trains in one. Detector: always one"))
    precision: Literal["32-true", "16-mixed", "bf16-mixed"]
    workers: int = Field(ge=0, description="processes that read and cut; 0 uses every core")
    batch_size: PositiveInt = Field(description="crops at once when the tuning and held-out studies are graded")
    detect_batch: PositiveInt = Field(description="slices at once when the detector looks at a study")


class EvaluationSettings(Record):
    bootstrap: PositiveInt
    interval: float = Field(gt=0, lt=1)
    seed: int = Field(ge=0)


class Settings(Record):
    """The whole config of a run."""

    seed: int = Field(ge=0)
    phantom: PhantomSettings
    folds: FoldSettings
    detector: DetectorSettings
    crops: CropSettings
    classifier: ClassifierSettings
    training: TrainingSettings
    augment: AugmentSettings
    compute: ComputeSettings
    evaluation: EvaluationSettings
