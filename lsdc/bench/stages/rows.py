"""What the saved figures of the stages are, so that those of another version or a damaged file are not shown."""

from pydantic import BaseModel

from lsdc.bench.saved import Seconds


class Spread(BaseModel):
    median: Seconds
    least: Seconds
    largest: Seconds


class RivalRow(BaseModel):
    name: str
    goal: float | None
    seconds: Spread
    ratio: Spread
    compared: bool


class Made(BaseModel):
    made: str
    commit: str | None
    took: float


class Row(Made):
    """A stage that was measured, as `race.run` gives it."""

    unit: str
    limited_by: str
    seconds: Spread
    rounds: int
    bound: Spread | None
    rivals: list[RivalRow]


class Skipped(Made):
    skipped: str


class Figures(BaseModel):
    rows: dict[str, Row | Skipped]
