"""What the kaggle command-line client would be told, and telling it."""

import shutil
import subprocess
from pathlib import Path

from lsdc.errors import ConfigError, LsdcError
from lsdc.files import read_json
from lsdc.kernel.layout import DATASET_METADATA, KERNEL_METADATA
from lsdc.kernel.manifest import checked_manifest
from lsdc.kernel.metadata import NOBODY, metadata_faults

CLIENT = "kaggle"


def push_commands(bundle: Path, *, new: bool) -> list[list[str]]:
    """The data set, as a new one or a new version, then the notebook. DataError or ConfigError for a bundle that is
    not as it was made, or whose names the site would refuse."""
    manifest = checked_manifest(bundle)
    dataset, kernel = read_json(bundle / DATASET_METADATA), read_json(bundle / KERNEL_METADATA)
    faults = metadata_faults(dataset, kernel)
    if dataset["id"].startswith(f"{NOBODY}/"):
        faults.append("it is nobody's yet: make it again with --owner (make bundle OWNER=name)")
    if faults:
        raise ConfigError("this bundle cannot be pushed", got="\n          ".join(faults), where=bundle)
    folder = ["-p", str(bundle), "--keep-tabular"]
    upload = ["create", *folder] if new else ["version", *folder, "-m", f"lsdc {manifest['lsdc']} {manifest['commit']}"]
    return [[CLIENT, "datasets", *upload], [CLIENT, "kernels", "push", "-p", str(bundle)]]


def push(commands: list[list[str]]) -> None:
    """Run them one after the other; LsdcError when the client is not installed or one of them fails."""
    if shutil.which(CLIENT) is None:
        raise LsdcError("the kaggle client is not installed", wanted=CLIENT, remedy="pip install kaggle, and give it "
                        "your account's token; or upload the folder by hand")
    for command in commands:
        code = subprocess.run(command).returncode  # noqa: S603
        if code:
            raise LsdcError("the kaggle client failed", got=f"{' '.join(command)} ended with {code}",
                            remedy="what it printed says why; what came before it is done")
