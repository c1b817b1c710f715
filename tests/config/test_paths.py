"""Where data, runs and caches are, and that tests do not look into somebody's own."""

import os
import subprocess
import sys

from tests.conftest import ROOT

EXPORTED = {"LSDC_DATA": "/data", "LSDC_RUNS": "/runs", "LSDC_CACHE": "/cache"}
CODE = """
import os, lsdc.config.paths
before = str(lsdc.config.runs_root())
import tests.conftest
print(before, lsdc.config.runs_root(), lsdc.config.cache_root(), os.environ.get("LSDC_DATA"))
"""


def test_exported_places_count_but_not_in_tests():
    told = subprocess.run([sys.executable, "-c", CODE], env=os.environ | EXPORTED, cwd=ROOT, capture_output=True,
                          text=True)
    assert told.stdout.split() == ["/runs", ".lsdc/runs", ".lsdc/cache", "None"], told.stderr
