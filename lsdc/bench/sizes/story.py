"""The story of `lsdc bench --what sizes`: a folder of each size, every stage on it, figures, and a page of them."""

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from lsdc.bench.saved import Seconds, last_figures, made_now, save_figures, save_page
from lsdc.bench.sizes.measure import measure
from lsdc.bench.sizes.page import sizes_page
from lsdc.bench.sizes.place import FILES_EACH, make_place
from lsdc.bench.sizes.text import text_of
from lsdc.bench.sizes.work import STAGES
from lsdc.config import Settings, cache_root
from lsdc.processes import in_own_process
from lsdc.progress import track
from lsdc.seeding import seed_for

LARGEST, LEAST = 10_000, 10
NAME = "sizes"


def sizes_to(largest: int | None) -> tuple[int, ...]:
    """A hundredth, a tenth and all of the largest size (10,000 studies), those that are worth measuring.

    >>> sizes_to(None), sizes_to(400), sizes_to(5)
    ((100, 1000, 10000), (40, 400), (5,))
    """
    largest = largest or LARGEST
    return (*(size for size in (largest // 100, largest // 10) if size >= LEAST), largest)


def sizes_settings(settings: Settings) -> Settings:
    """A small phantom of a seed of its own, whose files are read again and again."""
    phantom = settings.phantom.model_copy(update={
        "train_studies": 4, "test_studies": 2, "quirks": (), "variants": (),
        "seed": seed_for(settings.phantom.seed, "bench sizes") % 100_000})
    return settings.model_copy(update={"phantom": phantom})


def bench_sizes(phantom: Path, settings: Settings, *, sizes: Sequence[int], stages: Collection[str] = tuple(STAGES)
                ) -> str:
    """Measure the stages at each size, smallest first, each in a process of its own; text of it.

    phantom: a competition folder. Figures are saved as sizes.json below the cache folder, sizes.html beside them.
    """
    jobs = [(size, name) for size in sizes for name in STAGES if name in stages]
    rows, place = {name: [] for name in STAGES if name in stages}, None
    cache_root().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sizes.", dir=cache_root()) as root:
        for size, name in track(jobs, "sizes", len(jobs)):
            if place is None or place.studies != size:
                place = make_place(phantom, Path(root).absolute() / str(size), size, settings)
            rows[name].append(in_own_process(measure, name, place, settings))
    about = {"sizes": list(sizes), "files_each": FILES_EACH, "bootstrap": settings.evaluation.bootstrap}
    last = last_figures(NAME, _Last, **about)
    figures = made_now({**about, "stages": rows})
    said = save_figures(NAME, figures)
    page = save_page(NAME, sizes_page(figures))
    before = {name: [row.processor_seconds for row in its] for name, its in last.stages.items()} if last else {}
    return f"{text_of(figures, before)}\n\n{said}\n{page}"


class _Row(BaseModel):
    processor_seconds: Seconds


class _Last(BaseModel):
    stages: dict[str, Annotated[list[_Row], Field(min_length=1)]]
