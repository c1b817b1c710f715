"""Errors as a user reads them: one clear text and a non-zero exit, no traceback for what we raise on purpose."""

import errno
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lsdc.errors import LsdcError, printable


@contextmanager
def reported() -> Iterator[None]:
    """Turn an LsdcError, a full disk or Ctrl-C into a message on stderr and an exit code."""
    try:
        yield
    except LsdcError as error:
        logging.getLogger("lsdc").debug("where it was raised", exc_info=True)
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped. Finished stages are kept; the same command goes on from there.\n")
        sys.exit(130)
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            raise
        logging.getLogger("lsdc").debug("where it was raised", exc_info=True)
        remedy = "free some space" if error.errno == errno.ENOSPC else "mend this place"
        sys.stderr.write(f"error: {error.strerror}\n  where:  {printable(str(error.filename))}\n  to do:  {remedy} and "
                         "run the same command again; finished stages are kept\n")
        sys.exit(2)
