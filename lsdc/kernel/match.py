"""Whether the models of a run are those that its config describes. Looks at descriptions, loads no weights."""

from pathlib import Path

from lsdc.config import Settings, load_settings
from lsdc.errors import LsdcError, WeightsError
from lsdc.files import file_hash, read_json
from lsdc.runs import FoldFolder, RunFolder

WEIGHTS = {"detector": "detector.torchscript", "classifier": "classifier.safetensors"}


def check_models(run: RunFolder, folds: list[FoldFolder]) -> None:
    """WeightsError that names every model which is of another config or fold, or whose weights are others."""
    settings = load_settings(run.config)
    faults = [fault for fold in folds for fault in _faults(settings, fold)]
    if faults:
        raise WeightsError("these models are not of this run's config", got="\n          ".join(faults),
                           wanted="models trained with the config beside them", where=run.path,
                           remedy="copy the run whole, or train it again")


def _faults(settings: Settings, fold: FoldFolder) -> list[str]:
    faults = []
    wanted = {
        "detector": {"settings": settings.detector.model_dump(mode="json")},
        "classifier": {"classifier": settings.classifier.model_dump(mode="json") | {"weights": None},
                       "crops": settings.crops.model_dump(mode="json")},
    }
    for model, parts in wanted.items():
        try:
            told = read_json(getattr(fold, model) / f"{model}.json")
        except LsdcError as error:
            faults.append(f"{fold.path.name}/{model}: its description cannot be read: {error.got}")
            continue
        faults += [f"{fold.path.name}/{model}: {line}" for part, values in parts.items()
                   for line in _differences(part, told.get(part), values)]
        if told.get("fold") != fold.number:
            faults.append(f"{fold.path.name}/{model}: of fold {told.get('fold')}")
        faults += _of_weights(getattr(fold, model) / WEIGHTS[model], told.get("sha256"))
    return faults


def _differences(part: str, told: object, wanted: dict) -> list[str]:
    if not isinstance(told, dict):
        return [f"no {part} in its description"]
    return [f"{part}.{key}: {told.get(key)!r}, the config says {wanted.get(key)!r}"
            for key in sorted({*told, *wanted}) if told.get(key) != wanted.get(key)]


def _of_weights(path: Path, digest: str | None) -> list[str]:
    return [] if file_hash(path) == digest else [f"{path.parent.parent.name}/{path.parent.name}: {path.name} is not "
                                                 "the file that its description was written for"]
