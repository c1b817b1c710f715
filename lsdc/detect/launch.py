"""Launching the worker: what ultralytics is told, the environment that keeps it quiet and local, its progress."""

import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lsdc
from lsdc.config import ComputeSettings, DetectorSettings
from lsdc.errors import LsdcError
from lsdc.files import write_json
from lsdc.progress import track
from lsdc.seeding import seed_for
from lsdc.threads import SPIN

log = logging.getLogger(__name__)

LOG_FILE = "training.log"
SHOWN_LINES = 12  # of the log when training fails
LOADERS = 8  # processes that read images for a GPU; on a CPU ultralytics uses none
OTHER_RUNNERS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # a launcher's, not meant for it


def overrides(
    settings: DetectorSettings, compute: ComputeSettings, *, seed: int, device: str, data: Path, scratch: Path
) -> dict:
    """ultralytics' training arguments. Flips only for the paper's: they make its sides false, as there."""
    return {
        "model": f"{settings.architecture}.yaml", "task": "detect", "data": str(data), "device": device,
        "save_dir": str(scratch / "run"), "project": str(scratch), "name": "run", "exist_ok": True,
        "imgsz": settings.image_px, "epochs": settings.epochs, "batch": settings.batch, "nbs": settings.batch,
        "optimizer": settings.optimizer, "lr0": settings.learning_rate, "warmup_epochs": settings.warmup_epochs,
        "warmup_bias_lr": 0.0 if settings.optimizer == "AdamW" else 0.1,
        "mosaic": settings.mosaic, "close_mosaic": 0, "degrees": settings.rotate_degrees, "scale": settings.scale,
        "translate": settings.translate, "fliplr": settings.flip_horizontal, "flipud": 0.0,
        "hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0, "erasing": 0.0, "auto_augment": None, "pretrained": False,
        "cos_lr": True, "patience": 0,
        "amp": "bf16" if compute.precision == "bf16-mixed" and device != "cpu" else False,
        "workers": LOADERS, "val": False, "plots": False, "cache": False, "verbose": True,
        "seed": seed_for(seed, "detector") % 2**31, "deterministic": True,
    }


def run_worker(job: dict, scratch: Path) -> None:
    """Run the worker to its end in `scratch` (an absolute path), its epochs as progress.

    LsdcError with the end of its log when it fails. Nothing is left running when this process is interrupted or killed.
    """
    write_json(scratch / "job.json", job)
    log_path = scratch / LOG_FILE
    with log_path.open("a", encoding="utf-8") as written:
        process = subprocess.Popen(  # noqa: S603 (our own module, no shell)
            [sys.executable, "-m", "lsdc.detect.worker", str(scratch / "job.json")],
            cwd=scratch, env=quiet_environment(scratch, job["threads"]), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=written,
        )
        try:
            for _ in track(_epochs(process, job["overrides"]["epochs"]), "detector: epochs",
                           job["overrides"]["epochs"]):
                pass
            code = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if code != 0:
        lines = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-SHOWN_LINES:]
        raise LsdcError(
            f"detector training failed (exit {code})", got="\n          ".join(lines), where=log_path,
            remedy="read the log; for memory lower detector.batch or detector.image_px; then run again, it resumes",
        )


def _epochs(process: subprocess.Popen, epochs: int) -> Iterator[int]:
    """One item for each finished epoch, those of an interrupted training at once."""
    done = 0
    for line in process.stdout:
        said = json.loads(line)
        log.debug("detector: %s", line.strip())
        yield from range(done, min(said["epoch"], epochs))
        done = max(done, said["epoch"])
    if process.wait() == 0:
        yield from range(done, epochs)


def quiet_environment(scratch: Path, threads: int) -> dict[str, str]:
    """The worker's environment: no network, no installing, no settings or caches outside `scratch` (absolute)."""
    home = scratch / "home"
    (home / "Ultralytics").mkdir(parents=True, exist_ok=True)
    font = home / "Ultralytics" / "Arial.ttf"  # asked for on every training, plots or not, and fetched if absent
    if not font.exists():
        matplotlib = Path(importlib.util.find_spec("matplotlib").origin).parent  # importing it would write to HOME
        shutil.copyfile(matplotlib / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf", font)
    environment = {key: value for key, value in os.environ.items() if key not in OTHER_RUNNERS}
    package = str(Path(lsdc.__file__).resolve().parents[1])
    return environment | {
        "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1",  # whatever asks for a pickle, it is not run
        "YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_CONFIG_DIR": str(home), "YOLO_VERBOSE": "true",
        "NO_ALBUMENTATIONS_UPDATE": "1", "HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled",
        "MPLCONFIGDIR": str(home / "matplotlib"), "MPLBACKEND": "Agg", "TORCH_HOME": str(home / "torch"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "PYTHONPATH": os.pathsep.join(part for part in (os.environ.get("PYTHONPATH"), package) if part),
        "OMP_NUM_THREADS": str(threads), **SPIN,
        # glibc keeps memory instead of handing it back and asking again (faster by 20 to 50 %)
        "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**36), "MALLOC_TOP_PAD_": str(2**26),
    }
