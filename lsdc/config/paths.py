"""Where runs and caches are: LSDC_RUNS, LSDC_CACHE, or folders under ./.lsdc (LSDC_DATA is an option of the cli)."""

import os
from pathlib import Path

HOME = Path(".lsdc")


def runs_root() -> Path:
    return Path(os.environ.get("LSDC_RUNS") or HOME / "runs")


def cache_root() -> Path:
    return Path(os.environ.get("LSDC_CACHE") or HOME / "cache")
