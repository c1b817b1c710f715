"""Other people's programs, where they are installed; `.ci/run` installs them."""

import shutil
import subprocess

import pytest


def needs(program: str, package: str) -> pytest.MarkDecorator:
    """Skip a test where a program is absent, and say which Debian package has it."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is missing: apt-get install {package}")


def output_of(*words: object) -> str:
    """What a program printed, stderr first; the test fails when it failed."""
    told = subprocess.run([str(word) for word in words], capture_output=True, text=True, errors="replace")
    assert told.returncode == 0, told.stderr + told.stdout
    return told.stderr + told.stdout
