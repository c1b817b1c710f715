"""Where data, runs and caches are: LSDC_DATA, LSDC_RUNS, LSDC_CACHE, or folders under ./.lsdc."""

import os
from pathlib import Path

HOME = Path(".lsdc")


def data_root() -> Path | None:
    """The competition folder given by LSDC_DATA; None when the phantom stands in."""
    return Path(os.environ["LSDC_DATA"]) if os.environ.get("LSDC_DATA") else None


def runs_root() -> Path:
    return Path(os.environ.get("LSDC_RUNS") or HOME / "runs")


def cache_root() -> Path:
    return Path(os.environ.get("LSDC_CACHE") or HOME / "cache")
