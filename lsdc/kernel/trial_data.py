"""What a bundle is verified on: one study, as when a notebook is saved, and every quirk, as the hidden set may be."""

import random
from pathlib import Path

from lsdc.config import PhantomSettings
from lsdc.files import write_text, written_aside
from lsdc.phantom import generate

SAMPLE = "sample_submission.csv"
SETS = {
    "one study": PhantomSettings(train_studies=3, test_studies=1, seed=4711, quirks=(), variants=()),
    "every quirk": PhantomSettings(train_studies=3, test_studies=8, seed=4712, quirks=("all",), variants=()),
}


def make_set(name: str, cache: Path, *, studies: int | None = None, workers: int = 2) -> Path:
    """A competition folder, made once: SETS, or `many`, clean ones for time and memory. Samples are shuffled but for
    that of one study."""
    settings = SETS.get(name) or PhantomSettings(train_studies=3, test_studies=studies, seed=4713, quirks=(),
                                                 variants=())
    folder = Path(cache) / f"{name.replace(' ', '-')}-{settings.test_studies}-seed{settings.seed}"
    if not folder.exists():
        with written_aside(folder) as aside:
            generate(aside, settings, workers=workers)
            if settings.test_studies > 1:
                _shuffle(aside / "competition" / SAMPLE)
    return folder / "competition"


def _shuffle(path: Path) -> None:
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    random.Random(7).shuffle(rows)  # noqa: S311
    write_text(path, "\n".join([header, *rows]) + "\n")
