"""Whether an environment has what a wheel asks for."""

from email.parser import Parser
from pathlib import Path

from lsdc.kernel.archive import texts_in


def requirement_faults(wheel: Path, versions: dict[str, str]) -> list[str]:
    """What of the wheel's requirements, extras left out, an environment lacks or has in another version."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    texts = list(texts_in(wheel, ".dist-info/METADATA").values())
    if len(texts) != 1:
        return [f"{wheel.name} has {len(texts)} descriptions of itself, not one"]
    told, faults = Parser().parsestr(texts[0]), []
    for text in told.get_all("Requires-Dist") or ():
        need = Requirement(text)
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        there = versions.get(canonicalize_name(need.name))
        if there is None:
            faults.append(f"no {need.name}, which the wheel needs")
        elif not need.specifier.contains(there, prereleases=True):
            faults.append(f"{need.name} {there}, the wheel needs {need.specifier}")
    return faults
