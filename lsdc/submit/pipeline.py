"""The story of a submission: valid from the first second, then better study by study, in time, whatever happens."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from lsdc.competition import CompetitionFolder
from lsdc.competition.asked import open_test_part, read_asked
from lsdc.competition.tables import FILES
from lsdc.config import ComputeSettings
from lsdc.errors import LsdcError, StorageError
from lsdc.submit.books import Books
from lsdc.submit.crew import Crew, choose_crew
from lsdc.submit.damage import without_damaged
from lsdc.submit.dealing import graded
from lsdc.submit.effort import Pace
from lsdc.submit.growing import GrowingSubmission
from lsdc.submit.hands import Hands, hired
from lsdc.submit.outcome import Outcome
from lsdc.submit.parts import Parts
from lsdc.submit.recipe import Recipe
from lsdc.submit.terms import Terms
from lsdc.submit.undisturbed import holding_file, holding_parts


def predict_test_part(data: Path, recipe: Recipe, compute: ComputeSettings, terms: Terms, *,
                      choose: Callable[..., Crew] = choose_crew, hire: Callable[[Crew], Hands] = hired) -> Outcome:
    """Answer the sample submission of a competition folder, and leave it at `terms.out`.

    choose, hire: who grades, from (recipe, folder, compute, the number of studies); by default processes of this
    machine.

    StorageError where that is one of the folder's own files, which are only read. TableError where the sample
    cannot be answered, StorageError where the file cannot be written at the end. In a strict run also DataError for
    a faulty test part, WeightsError where models are not whole, and StorageError for any full disk, or where another
    process predicts in this place; the file that is there by then stays valid.
    """
    _keep_apart(terms.out, data)
    with holding_file(terms):
        return _predicted(data, recipe, compute, terms, choose, hire)


def _predicted(data: Path, recipe: Recipe, compute: ComputeSettings, terms: Terms, choose: Callable[..., Crew],
               hire: Callable[[Crew], Hands]) -> Outcome:
    asked = read_asked(data)
    submission = GrowingSubmission(terms.out, asked, recipe.priors(), clock=terms.clock)
    if terms.strict:
        with holding_parts(_parts(recipe, compute, terms), terms):
            pass  # a second run ends here, before it writes anything
    submission.begin()  # from here on there is something to hand in
    books = Books(submission, terms)
    folder, faults = open_test_part(data, asked)
    books.judge(faults, data)
    while (rest := _graded(books, folder, recipe, compute, choose, hire)) is not None:
        recipe = rest  # a lenient run goes on without what is damaged
    return books.close(recipe.notes)


def _graded(books: Books, folder: CompetitionFolder, recipe: Recipe, compute: ComputeSettings,
            choose: Callable[..., Crew], hire: Callable[[Crew], Hands]) -> Recipe | None:
    """Grade all studies that are left; another recipe where models are damaged and it is worth while to go on."""
    terms, ledger = books.terms, books.ledger
    books.pace, books.crew = Pace(recipe.efforts(), terms.deadline, 1, terms.clock, terms.began), None
    parts = _parts(recipe, compute, terms)
    with holding_parts(parts, terms):
        todo = books.take_up(folder, parts, books.pace)  # all but what an earlier run finished
        try:
            recipe.any_models()
            folder = folder.keeping(compute)
            books.crew = choose(recipe, folder, compute, len(todo)) if todo else None  # a process for each device
            with closing(graded(todo, books.crew, hire, books.pace, ledger)) as found:
                for part in found:
                    books.enter(part)  # and renew the file now and then
        except LsdcError as error:
            if not (terms.strict or ledger.graded) and (rest := without_damaged(recipe, compute)) is not None:
                return rest
            books.give_up(error, todo)
    return None


def _parts(recipe: Recipe, compute: ComputeSettings, terms: Terms) -> Parts:
    return Parts(terms.work, recipe.key(precision=compute.precision))


def _keep_apart(out: Path, data: Path) -> None:
    if Path(out).resolve() in {(Path(data) / name).resolve() for name in FILES}:
        raise StorageError("the submission would take the place of a file of the competition", where=out,
                           remedy="name another file with --out, as in --out submission.csv")
