"""One prediction at a time in a place: its file, and its finished studies."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from lsdc.errors import StorageError
from lsdc.files import alone, locked
from lsdc.submit.parts import Parts
from lsdc.submit.terms import Terms

BUSY = "another process is predicting here"

log = logging.getLogger(__name__)


def holding_file(terms: Terms) -> AbstractContextManager:
    """Hold the submission's place, and remove what killed runs left half written there, until the block ends.

    StorageError in a strict run where another process holds it, or nothing can be written there. A lenient run tells it
    and goes on: whoever writes the file leaves a valid one.
    """
    return _held(alone(terms.out, busy=BUSY), terms)


def holding_parts(parts: Parts, terms: Terms) -> AbstractContextManager:
    """The same for the finished studies of one recipe."""
    return _held(locked(parts.folder, busy=BUSY), terms)


@contextmanager
def _held(place: AbstractContextManager, terms: Terms) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(place)
        except StorageError as error:
            if terms.strict:
                raise
            log.warning("%s", error)
        yield
