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
    variants: tuple[str, ...] = Field(
        description="only studies with these counts of lumbar-type bodies, by name (usual, six_lumbar, four_lumbar, "
                    "transitional_s1); []: as they come by chance")


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
    image_px: PositiveInt = Field(multiple_of=32, le=4096)
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

    size_px: int = Field(gt=0, le=1024)
    size_mm: PerCondition | None = Field(description="null cuts size_px native pixels, as the paper did")
    slices: Annotated[int, Field(ge=1, le=65), AfterValidator(_odd)]
    views: Literal["own", "both"] = Field(
        description="own: the plane that the condition is annotated on; both: also a plane across it, where the same "
                    "place is seen (canal and foramina: axial T2; recesses: sagittal T2)")
    intensity: Literal["percentile", "minmax"]
    mirror_right: bool = Field(description="show right targets as their left mirror image")


class ClassifierSettings(Record):
    network: str = Field(description="deepscorenet, or the name of a timm network")
    weights: Path | None = Field(description="local pretrained weights of a timm network; null starts from scratch")
    shared: bool = Field(description="one trunk with a head per condition; false: one network per condition")
    slices: Literal["stacked", "attention"] = Field(
        description="stacked: a view's slices are the channels of one image; attention: the trunk sees each slice by "
                    "itself, and what it saw is pooled by learned attention")
    sequence_layers: int = Field(
        ge=0, le=24, description="transformer layers in which a study's targets see each other: levels, conditions, "
                                 "the other side; 0: each target by itself")
    head: Literal["softmax", "ordinal"] = Field(
        description="softmax: three free logits; ordinal: one degree of narrowing against thresholds")
    level_bias: bool = Field(description="a bias (or thresholds) for each level, so that the network knows where it is")
    dropout: float = Field(ge=0, lt=1)
    metric_weights: Literal["in_loss", "at_inference"] = Field(
        description="where the metric's weights 1/2/4 enter, once: in_loss: answers carry them already; at_inference: "
                    "answers are probabilities p, and w p / sum(w p) is predicted")
    flip_at_test: bool = Field(description="predict the mean over each study and its mirror image")


class TrainingSettings(Record):

    epochs: PositiveInt
    batch_size: int = Field(ge=2, description="samples of a step; batch normalisation learns nothing from one")
    optimizer: Literal["AdamW", "SGD"]
    learning_rate: PositiveFloat
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    warmup_epochs: float = Field(ge=0)
    schedule: Literal["cosine", "constant"]
    accumulate: PositiveInt = Field(description="batches whose gradients are added up before a step")
    loss: Literal["cross_entropy", "focal"]
    focal_gamma: float = Field(ge=0)
    focal_weighting: Literal["as_run", "as_intended"] = Field(description="class weights of the paper's focal loss")
    label_smoothing: float = Field(ge=0, lt=1)
    any_severe: float = Field(
        ge=0, description="weight of the metric's any-severe-canal term in the loss, its maximum a soft one; 0 is off")
    slice_loss: float = Field(
        ge=0, description="weight of an auxiliary loss: slice attention points at the annotated slice; 0 is off")
    early_stop_patience: int = Field(ge=0, description=(
        "epochs without a better tuning loss, of each network by itself with shared: false; 0 trains to the end"))
    ema_decay: float = Field(ge=0, lt=1, description="moving average of the weights used for prediction; 0 is off")
    gradient_clip: float = Field(ge=0)
    balance: bool = Field(description="resample rare severities as the paper did")


class AugmentSettings(Record):
    """Drawn anew for each sample and epoch, training studies only. None of them may make a label false."""

    location_jitter: float = Field(ge=0, description="times the detector's measured location error; 0 is off")
    rotate_degrees: float = Field(ge=0, le=45)
    scale: float = Field(ge=0, lt=1)
    flip_vertical: bool = Field(description="turn half of the crops upside down")
    flip_horizontal: bool = Field(description="turn half of the crops over, left for right in the image")
    mirror: float = Field(ge=0, le=1, description="share of studies shown as their mirror image, sides swapped")
    brightness: float = Share
    contrast: float = Share
    gamma: float = Share
    noise_sd: float = Share
    blur: float = Field(ge=0, le=1, description="share of crops that are blurred")
    erase: float = Field(ge=0, le=1, description="share of crops with one to three small boxes blacked out")
    view_dropout: float = Field(ge=0, le=1, description="share of samples of which one view is hidden, if two are seen")
    mixup: float = Field(ge=0, le=1, description="share of batches whose samples are blended with another's")
    cutmix: float = Field(ge=0, le=1, description="share of batches whose samples get a box of another's")


class ComputeSettings(Record):
    accelerator: Literal["auto", "cpu", "gpu"]
    devices: PositiveInt = Field(description=(
        "processes that share each batch of the classifier's training: GPUs, or with accelerator cpu that many on the "
        "CPU, which shows that it works but is not faster; auto without a GPU trains in one. Detector: always one"))
    nodes: PositiveInt = Field(
        description="machines that share the classifier's training, started by torchrun or Slurm")
    precision: Literal["32-true", "16-mixed", "bf16-mixed"]
    compile: bool = Field(description="compile the classifier's trunk for training (torch.compile)")
    workers: int = Field(ge=0, description="processes that read and cut; 0 uses every core")
    batch_size: PositiveInt = Field(description="crops at once when the tuning and held-out studies are graded")
    detect_batch: PositiveInt = Field(description="slices at once when the detector looks at a study")
    store_gigabytes: float = Field(ge=0, description=(
        "what decoded series may take below the cache folder, so that each is decoded once; 0 keeps none"))


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

    @model_validator(mode="after")
    def _goes_together(self):
        """What one section asks for, another must allow; all faults at once."""
        attention, both = self.classifier.slices == "attention", self.crops.views == "both"
        whole_studies = self.classifier.sequence_layers > 0 or self.training.any_severe > 0
        faults = [said for wrong, said in (
            (self.training.slice_loss and not attention, "training.slice_loss needs classifier.slices: attention"),
            (self.classifier.network == "deepscorenet" and (attention or both),
             "classifier.network: deepscorenet sees one slice: crops.views own and classifier.slices stacked"),
            (self.training.balance and whole_studies,
             "training.balance repeats targets: not with classifier.sequence_layers or training.any_severe"),
            (self.augment.view_dropout and not both, "augment.view_dropout needs crops.views: both"),
            (self.augment.mixup + self.augment.cutmix > 1, "augment.mixup and augment.cutmix add up to more than 1"),
        ) if wrong]
        if faults:
            raise ValueError("; ".join(faults))
        return self
