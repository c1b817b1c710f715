"""Where a run writes, and the checks before it starts: same settings, same data, room on the disk, a device."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lsdc.config import Settings, differences, dump_settings, load_settings
from lsdc.detect.train import check_weights
from lsdc.errors import ConfigError
from lsdc.files import alone, file_hash, need_space, write_json, write_text
from lsdc.grade.model import build_model
from lsdc.record import data_fingerprint, environment
from lsdc.runs import RunFolder

RUN_GIGABYTES = 1.0
WEIGHTS = "starting_weights"  # in the record of what a run was made with
MAY_DIFFER = ("compute.", "evaluation.", "phantom.")  # change how fast or what is shown, never what is learned


def check_models(settings: Settings) -> None:
    """Raise at once what training would find late: a network or starting weights that cannot be used."""
    check_weights(settings.detector)
    build_model(settings.classifier, settings.crops)


def open_run(
    path: Path, settings: Settings, data: Path, *, config: Path | None = None, overrides: Sequence[str] = ()
) -> RunFolder:
    """A run folder that belongs to these settings and this data; made now, or met again to go on.

    Its records say how and when it was begun (config and overrides: where the settings came from); each stage's own
    record says what it was made with (see stages.py).

    ConfigError when the folder was made with other settings or other data: results of two configs never mix.
    """
    need_space(path, RUN_GIGABYTES, "a run")
    run = RunFolder(Path(path))
    with alone(run.config):  # of two that begin at once, the second meets what the first made
        return _opened(run, settings, data, config, overrides)


def _opened(run: RunFolder, settings: Settings, data: Path, config: Path | None, overrides: Sequence[str]) -> RunFolder:
    fingerprint = data_fingerprint(data)
    weights = {f"{name}.weights": file_hash(section.weights) if section.weights and section.weights.is_file() else None
               for name, section in (("detector", settings.detector), ("classifier", settings.classifier))}
    if run.config.exists():
        changed = [line for line in differences(load_settings(run.config), settings)
                   if not line.startswith(MAY_DIFFER)]
        before = run.data()
        if before["fingerprint"] != fingerprint:
            changed.append(f"data: {before['folder']} -> {data} (other csv files)")
        known = before[WEIGHTS] if isinstance(before.get(WEIGHTS), dict) else weights
        changed += [f"{key}: {'another file of that name' if digest else 'the file is missing'}"
                    for key, digest in weights.items() if known.get(key) != digest]
        if changed:
            raise ConfigError("this run was made with other settings", got="\n          ".join(changed),
                              where=run.path,
                              remedy="choose another name with RUN=..., or remove the folder to start it anew")
        return run
    made_with = {"folder": str(Path(data).absolute()), "fingerprint": fingerprint, WEIGHTS: weights}
    write_json(run.environment, environment() | {
        "data": made_with, "config": {"file": None if config is None else str(config), "set": list(overrides)},
        "begun": datetime.now(UTC).isoformat(timespec="seconds")})
    write_text(run.config, dump_settings(settings))  # last: it makes the run one
    return run
