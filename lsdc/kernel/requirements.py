"""Whether an environment has what a wheel asks for."""

import zipfile
from email.parser import Parser
from pathlib import Path


def requirement_faults(wheel: Path, versions: dict[str, str]) -> list[str]:
    """What of the wheel's requirements, extras left out, an environment lacks or has in another version."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    with zipfile.ZipFile(wheel) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(archive.read(name).decode("utf-8"))
    faults = []
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
