"""The detector as ultralytics runs it, in a process of its own, to be measured beside ours."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lsdc.config import DetectorSettings
from lsdc.detect.classes import classes_for
from lsdc.detect.detector import MODEL_FILE
from lsdc.detect.launch import LOG_FILE, SHOWN_LINES, quiet_environment
from lsdc.errors import LsdcError
from lsdc.files import write_json


class Seen(NamedTuple):
    """boxes: of each slice (k, 6): x1, y1, x2, y2 in its own px, score, class."""

    boxes: list[np.ndarray]
    seconds: float


class Step(NamedTuple):
    """Seconds of a training step, and of the same batch forward alone."""

    seconds: float
    forward_seconds: float


class Beside:
    """Orders to the process; one answer each."""

    def __init__(self, process: subprocess.Popen, place: Path):
        self.process, self.log, self.network = process, place / LOG_FILE, place / MODEL_FILE

    def predict(self, sizes: Sequence[int]) -> Seen:
        """Every slice through `model.predict`, at these image sizes; seconds of that alone."""
        told = self._ask({"do": "predict", "sizes": list(sizes)})
        return Seen([np.array(one, dtype=float).reshape(-1, 6) for one in told["boxes"]], told["seconds"])

    def step(self, image_px: int, batch: int) -> Step:
        """One step of training on drawn images."""
        return Step(**self._ask({"do": "step", "image_px": image_px, "batch": batch}))

    def _ask(self, order: dict) -> dict:
        try:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:  # the log says why, below
            pass
        return self.answer()

    def answer(self) -> dict:
        """The next line; LsdcError with the end of its log when it has ended."""
        if not (line := self.process.stdout.readline()):
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-SHOWN_LINES:]
            raise LsdcError("ultralytics' own detector failed", got="\n          ".join(lines), where=self.log)
        return json.loads(line)


@contextmanager
def beside(slices: Sequence[np.ndarray], settings: DetectorSettings, *, threads: int, seed: int) -> Iterator[Beside]:
    """Start it with an untrained network of the settings and these slices (h, w); it ends with the block.

    `network` of what is given is the same network, as `export_network` writes it. LsdcError without ultralytics.
    """
    if importlib.util.find_spec("ultralytics") is None:
        raise LsdcError("ultralytics is not installed", remedy="pip install 'lsdc[train]'")
    with tempfile.TemporaryDirectory(prefix="beside.") as root:
        place = Path(root)
        np.savez(place / "slices.npz", **{f"{number:04d}": image for number, image in enumerate(slices)})
        write_json(place / "job.json", {
            "architecture": settings.architecture, "names": classes_for(settings).names, "image_px": settings.image_px,
            "confidence": settings.confidence, "overlap": settings.overlap, "threads": threads, "seed": seed,
            "slices": place / "slices.npz", "export": place / MODEL_FILE})
        environment = {name: value for name, value in quiet_environment(place, threads).items()
                       if not name.startswith("MALLOC_")}  # memory as our own process has it
        with (place / LOG_FILE).open("w", encoding="utf-8") as log:
            process = subprocess.Popen(  # noqa: S603 (our own module, no shell)
                [sys.executable, "-m", "lsdc.detect.reference", str(place / "job.json")], cwd=place, env=environment,
                text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
            try:
                one = Beside(process, place)
                one.answer()
                yield one
            finally:
                process.stdin.close()
                process.kill()
                process.wait()
                process.stdout.close()
