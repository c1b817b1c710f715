"""The stages beside what one would otherwise do: both give the same, and what is timed becomes figures and a page."""

import importlib.util
import json
from itertools import count

import numpy as np
import pytest
import torch

from lsdc.bench.saved import need_place
from lsdc.bench.stages import STAGES, bench_stages, finding, grading, reading, scoring, showing, training, whole
from lsdc.bench.stages.ground import open_ground
from lsdc.bench.stages.page import stages_page
from lsdc.bench.stages.race import Race, Rival, Timed, run
from lsdc.bench.stages.text import text_of
from lsdc.dicom import read_series
from lsdc.errors import ConfigError, LsdcError, StorageError
from lsdc.evaluate.bootstrap import score_replicates
from lsdc.evaluate.metric import study_sums
from lsdc.files import read_json, write_json
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS

EVIL = "\"'><img src=x onerror=alert(1)><script>alert('&')</script>"
FEW = 30  # studies that are scored


@pytest.fixture(scope="module")
def ground(folder, settings, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSDC_CACHE", str(tmp_path_factory.mktemp("cache")))
        with open_ground(folder, settings, tmp_path_factory.mktemp("scratch"), threads=1) as made:
            yield made


def test_every_way_of_reading_gives_the_same_volumes(ground):
    first, store, itk = reading.first_read(ground), reading.store(ground), reading.first_read_itk(ground)
    ours, plain, kept, stacks = first.ours(), first.rivals[0].work(), store.ours(), itk.rivals[0].work()
    assert len(ours) == len(plain) == len(kept) == len(stacks) == len(ground.series_folders)
    assert reading.same_volumes(ours, plain)
    assert reading.same_volumes(kept, plain)
    assert reading.same_stacks(ours, stacks)
    for series, again in zip(ours, kept, strict=True):
        assert np.array_equal(np.stack(series.images), np.stack(again.images))
    plain[-1].images[0, 0, 0] += 1
    stacks[-1] += 1
    assert not reading.same_volumes(ours, plain)
    assert not reading.same_stacks(ours, stacks)
    assert not reading.same_volumes(ours[1:], plain)
    assert sum(map(len, ours)) == len(ground.files) == len(reading.headers(ground).rivals[0].work())
    assert sum(array.size for array in first.bound()) == ground.pixels


def test_both_ways_of_detecting_see_boxes_in_the_images(ground):
    race = finding.detect(ground)
    ours, seen = race.ours(), race.rivals[0].work()
    assert seen.seconds > 0
    assert len(seen.value) == len(ground.slices)
    for boxes, image in zip(seen.value, ground.slices, strict=True):
        height, width = image.shape
        assert (boxes[:, [0, 2]] >= 0).all()
        assert (boxes[:, [0, 2]] <= width).all()
        assert (boxes[:, [1, 3]] <= height).all()
        assert (boxes[:, 4] > ground.settings.detector.confidence).all()
    theirs = sum(map(len, seen.value)) / len(ground.slices)
    assert 1 < theirs < 200
    assert 0.2 < len(ours) / len(ground.slices) / theirs < 5  # ours looks at the plane's own classes alone
    assert len(race.bound()) == sum(-(-len(one.series) // ground.detector.batch) for one in ground.study.series)
    assert ground.same_sizes[0] % 32 == 0


def test_a_call_for_each_crop_gives_the_answers_of_one_for_all(ground):
    race = grading.grade(ground)
    together, alone = race.ours(), race.rivals[0].work()
    assert list(together) == list(alone)
    assert len(together) == len(TARGETS)
    assert race.rivals[0].agrees(together, alone)
    assert not race.rivals[0].agrees(together, {target: alone[target][::-1] for target in alone})
    crops = grading.crops(ground)
    assert {one.shape for one in crops.rivals[0].work()} == {next(iter(crops.ours().values())).image[0].shape}


def test_a_whole_study_is_answered_both_ways(ground):
    race = whole.whole_study(ground)
    rows, paper = race.ours(), race.rivals[0].work()
    assert rows["fallback"].isna().all()
    assert len(rows) == len(paper.value) == len(TARGETS)
    assert np.allclose(np.sum(paper.value, axis=1), 1)
    assert paper.seconds > 0


def test_candidates_become_places_where_the_points_are(ground):
    assert (ground.locations["found_by"] == "detector").all()
    named = finding.decode_levels(ground).rivals[0].work()
    for target, row in ground.places.items():
        assert np.linalg.norm(named.places[target].observed_mm - [row["x_mm"], row["y_mm"], row["z_mm"]]) < 8


def test_decoding_loaders_give_the_crops_that_are_kept(ground):
    data = training.crop_data(ground)
    for sparing in (False, True):
        decoded = training.DecodedCrops(ground.folder, data.store, sparing=sparing)
        for row in data.samples[::9]:
            assert np.array_equal(decoded.image(row["file"], row["offset"]),
                                  data.store.image(row["file"], row["offset"]))
    race = training.loader(ground)
    ours, plain = race.ours(), race.rivals[0].work()
    size = ground.settings.training.batch_size
    assert sum(len(batch["image"]) for batch in ours) == len(data) == race.times * size
    assert ours[0].keys() == plain[0].keys()
    assert plain[0]["image"].shape == (size, *ours[0]["image"].shape[1:])


def test_a_batch_travels_whole(ground):
    race = training.travel(ground)
    came, floats = race.ours(), race.rivals[0].work()
    assert came.value.dtype == torch.uint8
    assert race.rivals[0].agrees(came.value, floats.value)
    assert not race.rivals[0].agrees(came.value, floats.value + 1e-3)
    assert min(came.seconds, floats.seconds) > 0


def test_steps_learn_and_tell_their_seconds(ground):
    race = training.classifier_step(ground)
    for work in (race.ours, race.rivals[0].work):
        losses = [work() for _ in range(8)]
        assert losses[-1] < losses[0]
    step = training.detector_step(ground).ours()
    assert step.seconds == step.value.seconds > step.value.forward_seconds > 0


def test_the_metric_is_the_published_one(ground):
    for stage in (scoring.metric, scoring.metric_mixed, scoring.metric_once):
        race = stage(ground, FEW)
        ours, published = race.ours(), race.rivals[0].work()
        assert race.rivals[0].agrees(ours, published)
        assert not race.rivals[0].agrees(ours, {**published, "canal": published["canal"] + 1e-9})


def test_a_published_replicate_is_one_of_ours(ground):
    told, settings = scoring.scored(ground, FEW), ground.settings.evaluation
    ours = score_replicates([study_sums(told.rows, told.values)], settings)
    rival = scoring.bootstrap(ground, FEW).rivals[0]
    assert rival.agrees(ours, rival.work())
    assert not rival.agrees(ours + 1e-9, rival.work())


def test_a_report_and_a_phantom_study_are_made(ground):
    showing.report_index(ground).ours()
    assert (ground.scratch / "report" / "worklist.html").exists()
    page = showing.study_page(ground)
    page.ours()
    page.bound()
    images = {path.name for path in (ground.scratch / "pages" / "images" / "again").iterdir()}
    assert images < {path.name for path in (ground.scratch / "pages" / "images").rglob("*.webp")} | images
    assert images
    showing.phantom(ground).ours()
    assert len(list((ground.scratch / "made").rglob("*.dcm"))) > 20


def test_ways_are_timed_in_turns():
    called, clock = [], count(0.0, 2.0)

    def way(name: str, value: object = None):
        return lambda: called.append(name) or value

    race = Race(way("ours"), "thing", "the clock", (Rival("other", way("other"), goal=2, times=0.5),
                                                    Rival("elsewhere", way("elsewhere", Timed(None, 9.0)))),
                bound=way("bound"), times=2)
    row = run(race, clock=lambda: next(clock))
    assert called == ["ours", "other", "elsewhere", "bound"] * (row["rounds"] + 1)
    assert row["rounds"] == 3
    assert row["seconds"] == {"median": 1.0, "least": 1.0, "largest": 1.0}
    assert [one["ratio"]["median"] for one in row["rivals"]] == [4.0, 9.0]
    assert row["bound"]["median"] == 2.0


def test_ways_whose_values_differ_are_not_timed():
    rivals = (Rival("a loop", lambda: Timed(2, 1.0), agrees=lambda ours, its: ours == its),
              Rival("a library", lambda: 3, agrees=lambda ours, its: ours == its))
    with pytest.raises(LsdcError, match="ours and a library give different values"):
        run(Race(lambda: 2, "study", "nothing", rivals))
    assert [one["compared"] for one in run(Race(lambda: 2, "study", "nothing", rivals[:1]))["rivals"]] == [True]


@pytest.mark.parametrize("damaged", ["[]", "{", "", '{"rows": 3}', '{"rows": {"write": {"unit": "study"}}}'])
def test_damaged_figures_cost_nothing_and_are_told(folder, settings, cache, caplog, damaged):
    path = cache / "bench" / "stages.json"
    bench_stages(folder, settings, only=("write",))
    whole = read_json(path)
    path.write_text(damaged if damaged[:2] != '{"' else json.dumps({**whole, **json.loads(damaged)}))
    text = bench_stages(folder, settings, only=("write",))
    assert "nothing to compare with" in caplog.text
    assert "%" not in text.split("pandas")[0]
    assert read_json(path)["rows"].keys() == {"write"}


@pytest.mark.parametrize("key", ["system", "processor", "cores"])
def test_figures_of_another_machine_are_not_compared(folder, settings, cache, caplog, key):
    path = cache / "bench" / "stages.json"
    bench_stages(folder, settings, only=("write",))
    whole = read_json(path)
    write_json(path, {**whole, "environment": {**whole["environment"], key: "another"}})
    assert "%" not in bench_stages(folder, settings, only=("write",)).split("pandas")[0]
    assert "nothing to compare with" not in caplog.text


def test_figures_that_cannot_be_kept_are_told_all_the_same(folder, settings, cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSDC_CACHE", "/proc/none")
        with pytest.raises(StorageError, match="cannot be written"):
            need_place()
        text = bench_stages(folder, settings, only=("write",))
    assert "submission of 500 studies" in text
    assert text.count("not saved: this place cannot be written") == 2
    (cache / "bench").mkdir(parents=True, exist_ok=True)
    (cache / "bench" / "stages.json").unlink(missing_ok=True)
    (cache / "bench" / "stages.json").mkdir()
    assert "not saved: " in bench_stages(folder, settings, only=("write",))
    (cache / "bench" / "stages.json").rmdir()


def test_figures_are_saved_and_compared_with_the_last(folder, settings, cache, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None)  # nothing else is installed
    first = bench_stages(folder, settings, only=("write", "first read, ITK"))
    saved = read_json(cache / "bench" / "stages.json")
    assert "not measured: SimpleITK is not installed" in first
    assert set(saved["rows"]) == {"write", "first read, ITK"}
    row = saved["rows"]["write"]
    assert row["seconds"]["least"] <= row["seconds"]["median"] <= row["seconds"]["largest"]
    assert row["commit"] == saved["environment"]["commit"]
    assert saved["study"]["files"] == len(list(
        (folder.root / "train_images" / str(min(folder.study_ids("train")))).glob("*/*")))
    second = bench_stages(folder, settings, only=("write",))
    lines = [next(line for line in text.splitlines() if line.startswith("write (")) for text in (first, second)]
    assert [line.split("submission of 500 studies)")[1].split()[2].endswith("%") or "%" in line.split("pandas")[0]
            for line in lines] == [False, True]
    both = read_json(cache / "bench" / "stages.json")
    assert set(both["rows"]) == {"write", "first read, ITK"}  # what was not measured again is kept
    page = (cache / "bench" / "stages.html").read_text(encoding="utf-8")
    assert page == stages_page(both, list(STAGES))
    assert "submission of 500 studies" in page
    odd = {**both, "environment": {**both["environment"], "commit": EVIL},
           "rows": {"write": {**row, "commit": EVIL, "limited_by": EVIL}, "store": {**row, "commit": EVIL},
                    "headers": {"skipped": EVIL, "made": EVIL, "commit": EVIL}}}
    page = stages_page(odd, list(STAGES))
    assert page.count("onerror=alert(1)") == 6
    assert "<img" not in page
    assert "<script" not in page
    other = settings.model_copy(update={"seed": settings.seed + 1})
    assert "%" not in bench_stages(folder, other, only=("write",)).split("pandas")[0]  # of other settings, no change


def test_missed_goals_are_told():
    spread = {"median": 2.0, "least": 1.0, "largest": 3.0}
    row = {"unit": "study", "limited_by": "disk", "seconds": spread, "bound": {**spread, "median": 1.0}, "rounds": 3,
           "rivals": [{"name": "a loop", "goal": 3, "seconds": spread, "ratio": spread},
                      {"name": "a library", "goal": None, "seconds": spread, "ratio": spread}]}
    figures = {"rows": {"store": row}, "threads": 2, "study": {"files": 60, "series": 3, "pixels": 10**7}}
    text = text_of(figures, ["store"], {"store": {"seconds": {"median": 4.0}}})
    assert "Goals missed: store 2.0x of 3x" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["store", "(study)", "2", "s", "-50", "%", "a", "loop", "2", "s", "2.0x", "(1.0", "to", "3.0)", ">=", "3x",
            "disk", "200", "%"] in lines
    assert ["a", "library", "2", "s", "2.0x", "(1.0", "to", "3.0)"] in lines


def test_a_stage_that_does_not_exist_is_told_before_anything_is_done(folder, settings):
    with pytest.raises(ConfigError, match="stages that do not exist"):
        bench_stages(folder, settings, only=("stor",))


def test_reading_again_remembers_nothing(ground):
    one, other = ground.fresh(), ground.fresh()
    assert one.series[0].series is not other.series[0].series
    assert np.array_equal(one.series[0].series.images[0], read_series(ground.series_folders[0]).images[0])


def test_a_submission_is_as_pandas_writes_it(ground):
    race = grading.write(ground)
    race.ours()
    race.rivals[0].work()
    race.bound()
    ours, plain, raw = ((ground.scratch / f"{name}.csv").read_text().splitlines()
                        for name in ("submission", "plain", "raw"))
    assert ours == raw
    assert ours[0] == plain[0] == ",".join(["row_id", *SEVERITY_COLUMNS])
    assert len(ours) == len(plain) == 1 + grading.WRITTEN_STUDIES * len(TARGETS)
    assert race.rivals[0].agrees(None, None)
    (ground.scratch / "plain.csv").write_text("\n".join([*plain[:2], plain[3], plain[2], *plain[4:]]))
    assert not race.rivals[0].agrees(None, None)
