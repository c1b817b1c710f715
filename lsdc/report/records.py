"""The files of a run as a report reads them: what must be there, in which type; other keys are passed over."""

from pydantic import BaseModel, ConfigDict, Field, model_validator


class FileRecord(BaseModel):
    """Part of a json or yaml file; unlike settings, other keys in it are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, str_max_length=8000)


Ends = tuple[float | None, float | None]  # of an interval; None where it is undefined


class DataRecord(FileRecord):
    folder: str
    fingerprint: str


class ConfigSource(FileRecord):
    """Where the settings came from: a yaml file and `--set` words."""

    file: str | None
    set: tuple[str, ...]


class EnvironmentRecord(FileRecord):
    """environment.json; config and begun are missing in runs of older versions of the kit."""

    data: DataRecord
    commit: str | None = None
    config: ConfigSource | None = None
    begun: str | None = None
    lsdc: str | None = None
    python: str | None = None
    system: str | None = None
    processor: str | None = None
    cores: int | None = None
    command: str | None = None
    packages: dict[str, str | None] = Field(default_factory=dict)


class StageRecord(FileRecord):
    seconds: float
    peak_memory_gb: float
    commit: str | None = None


class IntervalsRecord(FileRecord):
    """Intervals of the terms and the total of one line of scores."""

    canal: Ends
    foraminal: Ends
    subarticular: Ends
    any_severe: Ends
    total: Ends


class ScoreRecord(FileRecord):
    """A line of scores: of the model, the priors, ..."""

    name: str
    canal: float | None
    foraminal: float | None
    subarticular: float | None
    any_severe: float | None
    total: float | None
    intervals: IntervalsRecord


class ValueRecord(FileRecord):
    value: float | None
    interval: Ends


class DifferenceRecord(ValueRecord):
    p_better: float | None
    inside_noise: bool


class CellRecord(FileRecord):
    condition: str
    level: str
    rows: int
    model: float | None
    interval: Ends
    priors: float | None = None
    floor: float | None = None


class AgreementRecord(FileRecord):
    condition: str
    rows: int
    accuracy: float | None
    always_normal: float | None
    linear_kappa: float | None
    interval: Ends


class CauseRecord(FileRecord):
    cause: str
    rows: int
    studies: int


class FallbackRecord(FileRecord):
    rows: int
    of: int
    share: float
    causes: tuple[CauseRecord, ...]


class PlaceRecord(FileRecord):
    condition: str
    n: int
    missed: int
    id_rate: float | None
    interval: Ends
    mean_mm: float | None
    median_mm: float | None
    p95_mm: float | None


class PlacesRecord(FileRecord):
    truth: str
    rows: tuple[PlaceRecord, ...]


class EvaluationRecord(FileRecord):
    """evaluation.json, as `lsdc.evaluate.evaluate_run` makes it; predictions: sha256 by fold, {} in older files."""

    studies: int
    rows: int
    folds: tuple[int, ...]
    interval: float
    bootstrap: int
    phantom: bool
    scores: tuple[ScoreRecord, ...]
    share_of_way: ValueRecord | None
    model_minus_priors: DifferenceRecord
    cells: tuple[CellRecord, ...]
    agreement: tuple[AgreementRecord, ...]
    fallback: FallbackRecord
    locations: tuple[PlacesRecord, ...] = ()
    predictions: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_both(self):
        if absent := [name for name in ("model", "priors") if self.score(name) is None]:
            raise ValueError(f"no scores of {' and '.join(absent)}")
        return self

    def score(self, name: str) -> ScoreRecord | None:
        """The line of this name; None where there is none (the floor of real data)."""
        return next((one for one in self.scores if one.name == name), None)
