"""The verification of a bundle: files, names, wheels, code, clean environments, and the notebook executed offline."""

import logging
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lsdc.errors import DataError, LsdcError
from lsdc.files import read_json
from lsdc.kernel.archive import names_in
from lsdc.kernel.environment import Environment, make_environment, packages_of
from lsdc.kernel.image import image_of, wheel_faults
from lsdc.kernel.layout import DATASET_METADATA, KERNEL_METADATA, NOTEBOOK, SCRIPT
from lsdc.kernel.manifest import faults_of, read_manifest
from lsdc.kernel.metadata import metadata_faults
from lsdc.kernel.requirements import requirement_faults
from lsdc.kernel.sandbox import GUARDS, choose_sandbox
from lsdc.kernel.static_look import look_at_kernel, look_at_wheel, same_code
from lsdc.kernel.trial import Judged, Trial, try_kernel
from lsdc.kernel.trial_data import make_set
from lsdc.kernel.unfold import unfold

HIDDEN_STUDIES, HIDDEN_HOURS = 722, 9.0
MOST_FALLBACK = 0.10  # of the rows may be priors although there is something to be seen
UNSEEN = re.compile(r"no \w+ series( can be read| shows it)?|constant image")  # causes where there is nothing
FIRST = (Trial("one study", "old"), Trial("one study", "new"), Trial("one study", "new", script=True),
         Trial("every quirk", "old", scoring=True), Trial("every quirk", "new", scoring=True))
QUICK = (Trial("one study", "new"), Trial("every quirk", "old", scoring=True))
FURTHER = (Trial("one study", "new"),)  # in each environment after the first
SHOWN = ("torch", "numpy", "pandas", "timm", "opencv-python", "pydicom")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. faults: () where all is well; told: what is worth knowing of it."""

    name: str
    faults: tuple[str, ...] = ()
    told: str = ""
    figures: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """How a bundle is verified. many: clean studies to time besides; 0: none."""

    kinds: Sequence[str] = ("image", "newest")
    python: Path | None = None
    sandbox: str | None = None
    many: int = 0
    most_fallback: float = MOST_FALLBACK
    first: Sequence[Trial] = FIRST
    further: Sequence[Trial] = FURTHER


def verify(bundle: Path, cache: Path, plan: Plan) -> list[Check]:
    """Every check of a bundle, in order; what cannot be tried after an earlier fault is left out and said."""
    bundle, cache = Path(bundle).absolute(), Path(cache).absolute() / "kernel"
    try:
        manifest = read_manifest(bundle)
    except LsdcError as error:
        return [Check("manifest", (str(error),))]
    image = image_of(manifest["image"])
    checks = [
        Check("files", tuple(faults_of(bundle, manifest)), f"{len(manifest['files'])} files, "
              f"{sum(one['size'] for one in manifest['files'].values()) / 1e6:.1f} MB, commit {manifest['commit']}"),
        _tried("models", lambda: _models(bundle)), _tried("names", lambda: _names(bundle)),
        _tried("wheels", lambda: _wheels(bundle, manifest, image)), _tried("code", lambda: _code(bundle, manifest)),
    ]
    if any(check.faults for check in checks[:2]):
        return [*checks, Check("notebook", ("not executed: the files are not as they were made",))]
    kind = choose_sandbox(plan.sandbox)
    checks.append(Check("sandbox", (), kind))
    trials = [*plan.first, *([Trial("many", "new", scoring=True)] if plan.many else [])]
    for number, name in enumerate(plan.kinds):
        check, environment = _environment(name, bundle, manifest, image, cache, plan)
        checks.append(check)
        for trial in (trials if number == 0 else plan.further) if environment else ():
            log.info("%s: %s", name, trial)
            checks.append(_tried(f"{name}: {trial}", lambda trial=trial, environment=environment: _executed(
                trial, bundle, environment, kind, cache, plan)))
    return checks


def _tried(name: str, look: Callable[[], tuple[Sequence[str], str, dict]]) -> Check:
    try:
        faults, told, figures = look()
    except LsdcError as error:
        return Check(name, (str(error),))
    return Check(name, tuple(faults), told, figures)


def _models(bundle: Path):
    with tempfile.TemporaryDirectory(prefix="lsdc-unfold-") as scratch:
        told = unfold(bundle, Path(scratch))
    return (), f"of the config beside them; extras: {', '.join(told['extras']) or 'none'}", {}


def _names(bundle: Path):
    dataset, kernel = read_json(bundle / DATASET_METADATA), read_json(bundle / KERNEL_METADATA)
    return metadata_faults(dataset, kernel), f"{kernel['id']} on {kernel['machine_shape']}, internet off", {}


def _wheels(bundle: Path, manifest: dict, image):
    names = [path.name for path in sorted(bundle.glob("*.whl"))]
    faults = [] if manifest["wheel"].endswith("-py3-none-any.whl") else [f"{manifest['wheel']} is not for any Python"]
    faults += wheel_faults(names, image)
    for name in names:
        try:
            names_in(bundle / name)
        except DataError as error:
            faults.append(f"{name}: {error.problem}: {error.got}")
    return faults, f"{', '.join(names)}; image {image.name}: Python {image.python}", {}


def _code(bundle: Path, manifest: dict):
    faults = look_at_wheel(bundle / manifest["wheel"])
    faults += [one for name in (NOTEBOOK, SCRIPT) for one in look_at_kernel(bundle / name)]
    return faults + same_code(bundle / NOTEBOOK, bundle / SCRIPT), "no network, pretrained=True or places of one " \
        "machine in wheel, notebook and script", {}


def _environment(name, bundle, manifest, image, cache, plan) -> tuple[Check, Environment | None]:
    title = f"environment {name}"
    try:
        environment = make_environment(name, image, cache, plan.python)
        versions = packages_of(environment)
    except LsdcError as error:
        return Check(title, (str(error),)), None
    faults = requirement_faults(bundle / manifest["wheel"], versions)
    shown = ", ".join(f"{one} {versions[one]}" for one in SHOWN if one in versions)
    return Check(title, tuple(faults), f"{environment.told}: {shown}", {"versions": versions}), environment


def _executed(trial: Trial, bundle: Path, environment: Environment, kind: str, cache: Path, plan: Plan):
    data = make_set(trial.data, cache, studies=plan.many or None)
    judged = try_kernel(trial, bundle, data, environment, kind, cache)
    figures, faults = judged.figures, list(judged.faults)
    share = avoidable_share(figures)
    if share > plan.most_fallback:
        faults.append(f"{100 * share:.1f} % of the rows are priors although their series can be read, wanted at most "
                      f"{100 * plan.most_fallback:.0f} %")
    failed = figures.get("failed_studies", {})
    faults += [f"{len(studies)} studies failed: {cause}" for cause, studies in failed.items()]
    if (hours := projected_hours(judged)) is not None:
        figures["projected_hours"] = hours
        if hours > HIDDEN_HOURS:
            faults.append(f"{HIDDEN_STUDIES} studies would take {hours:.1f} h of {HIDDEN_HOURS:.0f}")
    return faults, _told(figures), figures


def projected_hours(judged: Judged) -> float | None:
    """Of the hidden set on this machine: what one execution takes besides its studies, and so many studies."""
    each, graded = judged.figures.get("seconds_per_study"), judged.figures.get("graded")
    if not each or not graded:
        return None
    return (max(judged.figures["wall_seconds"] - each * graded, 0) + HIDDEN_STUDIES * each) / 3600


def avoidable_share(figures: dict) -> float:
    """Share of rows that are priors for another reason than a series that is missing, unreadable or empty."""
    rows = sum(count for cause, count in figures.get("fallbacks", {}).items() if not UNSEEN.fullmatch(cause))
    return rows / figures["rows"] if rows else 0.0


def _told(figures: dict) -> str:
    parts = [f"{figures['rows']} rows valid" if "rows" in figures else "no valid submission"]
    if figures.get("fallback_share") is not None:
        parts.append(f"{100 * figures['fallback_share']:.1f} % priors")
    if figures.get("seconds_per_study"):
        parts.append(f"{figures['seconds_per_study']:.2f} s a study ({figures['lanes']} at once), "
                     f"{HIDDEN_STUDIES} studies in {figures['projected_hours']:.2f} h")
    parts.append(f"{figures['wall_seconds']:.0f} s in all")
    if figures.get("peak_memory_gb"):
        parts.append(f"at most {figures['peak_memory_gb']:.2f} GB")
    if figures.get("without"):
        parts.append(f"without {', '.join(figures['without'])}, of which no wheel fits this Python")
    return ", ".join(parts)


__all__ = ["GUARDS", "Check", "Plan", "verify"]
