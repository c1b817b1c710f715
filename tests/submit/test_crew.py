"""How many processes work on what."""

import pytest

from lsdc.competition import open_folder
from lsdc.submit import crew
from lsdc.submit.crew import choose_crew
from lsdc.submit.recipe import Recipe
from tests.builders import write_competition
from tests.submit.bare import COMPUTE, bare_run


@pytest.fixture
def chosen(tmp_path, monkeypatch):
    """Devices and threads of the processes on a machine of these cores, GPUs and free memory."""
    folder = open_folder(write_competition(tmp_path / "data"))
    recipe = Recipe.of_run(bare_run(tmp_path / "run"))

    def choose(cores: int, gpus: int, free_gb: float = 100, *, studies: int = 500, workers: int = 0):
        monkeypatch.setattr(crew, "cores", lambda: cores)
        monkeypatch.setattr(crew, "_gpus", lambda _: ([f"cuda:{number}" for number in range(gpus)], []))
        monkeypatch.setattr(crew, "_free_gb", lambda: free_gb)
        works = choose_crew(recipe, folder, COMPUTE.model_copy(update={"workers": workers}), studies).works
        assert len({(work.threads, work.ahead) for work in works}) == 1
        return [work.device for work in works], works[0].threads, works[0].ahead

    return choose


def test_a_core_each_without_a_gpu(chosen):
    assert chosen(2, 0) == (["cpu"] * 2, 1, False)
    assert chosen(16, 0) == (["cpu"] * 4, 4, False)
    assert chosen(16, 0, studies=3) == (["cpu"] * 3, 5, False)
    assert chosen(16, 0, workers=1) == (["cpu"], 16, False)
    assert chosen(16, 0, free_gb=3) == (["cpu"] * 2, 8, False)


def test_processes_share_a_gpu_where_there_are_cores_and_memory_for_them(chosen):
    assert chosen(4, 2) == (["cuda:0", "cuda:1"], 2, True)  # as on the competition's site
    assert chosen(16, 1) == (["cuda:0"] * 4, 4, True)
    assert chosen(64, 2) == (["cuda:0", "cuda:1"] * 4, 8, True)
    assert chosen(16, 1, workers=4) == (["cuda:0"] * 2, 8, True)
    assert chosen(16, 1, free_gb=9) == (["cuda:0"] * 2, 8, True)
    assert chosen(1, 1, free_gb=1) == (["cuda:0"], 1, True)
    assert chosen(64, 2, studies=3) == (["cuda:0", "cuda:1", "cuda:0"], 21, True)
