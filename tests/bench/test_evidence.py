import subprocess
import sys

import pytest

from lsdc.bench.evidence import NETWORKS, bench_evidence, evidence_settings
from lsdc.competition import open_folder
from lsdc.errors import DataError
from lsdc.files import read_json
from tests.builders import write_competition


def test_three_networks_between_priors_and_floor(folder, settings, cache):
    text = bench_evidence(folder, settings, training=3, steps=2)
    figures = read_json(cache / "bench" / "evidence.json")
    assert [network["name"] for network in figures["networks"]] == list(NETWORKS)
    assert [end["name"] for end in figures["ends"]] == ["priors", "floor"]
    assert figures["studies"] == 1
    priors, floor = (end["total"] for end in figures["ends"])
    for network in figures["networks"]:
        way = (priors - network["total"]) / (priors - floor)
        assert network["share_of_way"]["value"] == pytest.approx(way)
        assert f"{network['total']:.3f}" in next(line for line in text.splitlines() if line.startswith(network["name"]))
        first = figures["networks"][0]["total"]
        assert network["first_minus_this"]["value"] == pytest.approx(first - network["total"])
        assert figures["seconds"][network["name"]] > 0


def test_it_needs_a_truth(tmp_path, settings):
    folder = open_folder(write_competition(tmp_path / "competition"))
    with pytest.raises(DataError, match=r"needs the phantom's truth(.|\n)*leave DATA"):
        bench_evidence(folder, settings, training=1, steps=1)


def test_settings_change_nothing_but_the_number_of_studies(settings):
    own = evidence_settings(settings, 77)
    assert (own.phantom.train_studies, own.phantom.test_studies, own.phantom.seed) == (77, 1, settings.phantom.seed)
    assert own.model_copy(update={"phantom": settings.phantom}) == settings


def test_command_prints_what_is_asked_for_and_needs_no_run(cache):
    told = subprocess.run([sys.executable, "-m", "lsdc", "bench", "--what", "labels"], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert "floor total" in told.stdout
    assert "seconds per study" not in told.stdout
    assert [path.name for path in (cache / "bench").iterdir()] == ["labels.json"]
