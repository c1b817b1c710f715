"""The fuzzers by hand: `python -m tests.fuzz.run dicom|csv|records FIRST COUNT` prints outcomes and failures."""

import sys
import tempfile
from pathlib import Path

from tests.fuzz import csv_readers, readers, record_readers
from tests.fuzz.limits import look_at_all

if __name__ == "__main__":
    what, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    make = {"dicom": readers.make_look, "csv": csv_readers.make_look, "records": record_readers.make_look}[what]
    with tempfile.TemporaryDirectory() as folder:
        told = look_at_all(make, Path(folder) / what, range(first, first + count))
    print(told)
    sys.exit(bool(told.failures))
