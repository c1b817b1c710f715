"""dataset-metadata.json and kernel-metadata.json, checked before anything is uploaded."""

import re
from dataclasses import dataclass

from lsdc.errors import ConfigError

COMPETITION = "rsna-2024-lumbar-spine-degenerative-classification"
MACHINES = {"t4": "NvidiaTeslaT4", "p100": "NvidiaTeslaP100", "cpu": "None"}
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LENGTHS = range(6, 51)  # of titles and slugs
NOBODY = "your-name-there"  # stands for the owner until it is given


@dataclass(frozen=True)
class Names:
    """Whose the data set and the notebook are, and their titles, of which the site makes the slugs."""

    owner: str
    dataset: str
    kernel: str

    @property
    def dataset_id(self) -> str:
        return f"{self.owner}/{slug(self.dataset)}"

    @property
    def kernel_id(self) -> str:
        return f"{self.owner}/{slug(self.kernel)}"


def slug(title: str) -> str:
    """The slug that the site makes of a title.

    >>> slug("lsdc: Fold 0, v2")
    'lsdc-fold-0-v2'
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def dataset_metadata(names: Names) -> dict:
    return {"title": names.dataset, "id": names.dataset_id, "licenses": [{"name": "other"}], "isPrivate": True}


def kernel_metadata(names: Names, *, code_file: str, machine: str) -> dict:
    return {
        "id": names.kernel_id, "title": names.kernel, "code_file": code_file, "language": "python",
        "kernel_type": "notebook" if code_file.endswith(".ipynb") else "script", "is_private": True,
        "enable_gpu": machine != "cpu", "enable_tpu": False, "enable_internet": False,
        "machine_shape": MACHINES[machine], "dataset_sources": [names.dataset_id],
        "competition_sources": [COMPETITION], "kernel_sources": [], "model_sources": [],
    }


def metadata_faults(dataset: dict, kernel: dict) -> list[str]:
    """What the site would refuse or take otherwise than meant; empty where all is well."""
    faults = []
    for what, told in (("data set", dataset), ("notebook", kernel)):
        title, (owner, _, name) = told.get("title", ""), told.get("id", "").partition("/")
        faults += [f"{what}: its {part} {text!r} has {len(text)} characters, wanted {LENGTHS[0]} to {LENGTHS[-1]}"
                   for part, text in (("title", title), ("slug", name)) if len(text) not in LENGTHS]
        if slug(title) != name:
            faults.append(f"{what}: the title {title!r} makes the slug {slug(title)!r}, its id says {name!r}")
        if not (SLUG.fullmatch(owner) and SLUG.fullmatch(name)):
            faults.append(f"{what}: {told.get('id')!r} is not owner/slug")
    if len(dataset.get("licenses", ())) != 1:
        faults.append("data set: wanted exactly one licence")
    if kernel.get("enable_internet") is not False:
        faults.append("notebook: enable_internet must be written out as false: the client's default is true")
    if dataset.get("id") not in kernel.get("dataset_sources", ()):
        faults.append(f"notebook: its sources do not have the data set {dataset.get('id')}")
    return faults


def check_metadata(dataset: dict, kernel: dict) -> None:
    """ConfigError that lists every fault."""
    if faults := metadata_faults(dataset, kernel):
        raise ConfigError("these names cannot be uploaded", got="\n          ".join(faults),
                          remedy="choose others with --owner, --title and --kernel-title")
