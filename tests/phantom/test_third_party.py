"""Other people's programs accept the phantom's files and place every voxel where the kit does."""

import numpy as np
import pytest
import SimpleITK

from lsdc.competition.folder import open_folder
from lsdc.competition.study import read_study
from lsdc.dicom import SlicePlane, read_series, resample
from lsdc.tables import KEYPOINTS
from lsdc.taxonomy import Condition, Plane
from tests.debian import needs, output_of

TOLERANCE_MM = 1e-3
LPS_TO_RAS = np.array([-1.0, -1, 1])  # DICOM's patient axes and NIfTI's


@pytest.fixture(scope="session")
def series_folders(phantom):
    return sorted((phantom / "competition").glob("*_images/*/*"))


@pytest.fixture(scope="session")
def studies(phantom):
    folder = open_folder(phantom / "competition")
    return [read_study(folder, study_id, part) for part in ("train", "test") for study_id in folder.study_ids(part)]


def parallel(series) -> bool:
    return all(plane.normal @ series.planes[0].normal > 1 - 1e-9 for plane in series.planes)


@needs("dciodvfy", "dicom3tools")
def test_dciodvfy_finds_no_error(series_folders):
    for folder in series_folders:
        told = output_of("dciodvfy", min(folder.iterdir()))
        assert "MRImage" in told  # it checked the MR image object's definition
        assert not [line for line in told.splitlines() if line.startswith("Error")], folder


@needs("dcmdump", "dcmtk")
def test_dcmdump_reads_every_file(phantom, series_folders):
    for folder in series_folders:
        told = output_of("dcmdump", "+P", "ImagePositionPatient", *sorted(folder.iterdir()))
        assert told.count("ImagePositionPatient") == len(list(folder.iterdir()))
        assert "W: " not in told
        assert "E: " not in told


def test_simpleitk_stacks_parallel_series_as_we_do(series_folders):
    """Only parallel stacks: a SimpleITK volume has one direction, so blocks tilted with the discs do not fit one."""
    compared = 0
    for folder in series_folders:
        series = read_series(folder)
        if not parallel(series):
            continue
        names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
        volume = SimpleITK.ReadImage(names)
        values = SimpleITK.GetArrayFromImage(volume)  # (slices, h, w), in either direction along the normal
        for index, (plane, image) in enumerate(zip(series.planes, series.images, strict=True)):
            place = volume.TransformPhysicalPointToIndex(plane.origin_mm.tolist())[2]
            for xy in ((0, 0), (100, 7), (plane.size_hw[1] - 1, plane.size_hw[0] - 1)):
                there = volume.TransformIndexToPhysicalPoint((*xy, place))
                assert np.abs(plane.to_patient(np.array(xy)) - there).max() < TOLERANCE_MM, (folder, index)
            assert np.array_equal(values[place], image)
        compared += 1
    assert compared >= 6  # every sagittal series


def test_simpleitk_places_every_slice_as_we_do(series_folders):
    for folder in series_folders:
        series = read_series(folder)
        for plane, path in list(zip(series.planes, series.paths, strict=True))[::4]:
            image = SimpleITK.ReadImage(path)
            for xy in ((0, 0), (10, 50), (plane.size_hw[1] - 1, plane.size_hw[0] - 1)):
                there = image.TransformIndexToPhysicalPoint((*xy, 0))
                assert np.abs(plane.to_patient(np.array(xy)) - there).max() < TOLERANCE_MM


def read_nifti(path) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (x, y, z) and the (3, 4) affine of an uncompressed 16-bit NIfTI-1 file, from its 348-byte header."""
    data = path.read_bytes()
    size = np.frombuffer(data, "<i2", 4, offset=40)[1:]
    assert np.frombuffer(data, "<i2", 1, offset=70)[0] in (4, 512)  # int16, uint16
    assert np.frombuffer(data, "<i2", 1, offset=254)[0] > 0  # sform_code: the affine is set
    affine = np.frombuffer(data, "<f4", 12, offset=280).reshape(3, 4).astype(float)
    start = int(np.frombuffer(data, "<f4", 1, offset=108)[0])
    return np.frombuffer(data, "<i2", int(np.prod(size)), offset=start).reshape(size, order="F"), affine


@needs("dcm2niix", "dcm2niix")
def test_dcm2niix_places_every_voxel_as_we_do(series_folders, tmp_path):
    """Its affines against our planes, and the values there. Tilted blocks come as one file each, so all are compared.

    dcm2niix turns rows and slices round; a voxel is followed through the patient, so that makes no difference.
    """
    random = np.random.default_rng(0)
    for folder in series_folders:
        out = tmp_path / folder.name
        out.mkdir()
        output_of("dcm2niix", "-b", "n", "-z", "n", "-f", "%s", "-o", out, folder)
        series, slices = read_series(folder), 0
        for path in out.glob("*.nii"):
            voxels, affine = read_nifti(path)
            slices += voxels.shape[2]
            corners = np.array(np.meshgrid(*[(0, size - 1) for size in voxels.shape])).reshape(3, -1).T
            inside = random.integers(0, voxels.shape, (60, 3))
            for ijk in np.concatenate([corners, inside]):
                place = (affine @ [*ijk, 1]) * LPS_TO_RAS
                index, _ = series.nearest_slice(place)
                x, y = np.rint(series.planes[index].to_pixel(place)[0]).astype(int)
                there = series.planes[index].to_patient(np.array([x, y]))
                assert np.abs(there - place).max() < TOLERANCE_MM, (path, ijk)
                assert voxels[tuple(ijk)] == series.images[index][y, x]
        assert slices == len(series)


def test_patient_to_pixel_and_back(series_folders):
    random = np.random.default_rng(1)
    for folder in series_folders:
        for plane in read_series(folder).planes:
            points = plane.centre_mm + random.uniform(-150, 150, (20, 3))
            xy, offset_mm = plane.to_pixel(points)
            back = plane.to_patient(xy) + offset_mm[:, None] * plane.normal
            assert np.abs(back - points).max() < 1e-6


@pytest.fixture(scope="session")
def crossings(studies, phantom):
    """Each true canal landmark: (study_id, landmark mm, [(plane, image)] of its sagittal and axial T2 slice)."""
    places = KEYPOINTS.read(phantom / "truth" / "keypoints.csv")
    canal = places[places.structure == Condition.CANAL]
    found = []
    for study in studies:
        for place in canal.loc[canal.study_id == study.study_id, ["x_mm", "y_mm", "z_mm"]].to_numpy(float):
            slices = []
            for kind in (Plane.SAGITTAL_T2, Plane.AXIAL_T2):
                series = min((one.series for one in study.of(kind)), key=lambda s: abs(s.nearest_slice(place)[1]))
                index, offset_mm = series.nearest_slice(place)
                assert abs(offset_mm) <= series.spacing_mm / 2 + 0.01
                slices.append((series.planes[index], series.images[index]))
            found.append((study.study_id, place, slices))
    assert len(found) == 5 * len(studies)
    return found


def shared_direction(one, two) -> np.ndarray:
    """Unit vector (3,) that lies in both planes."""
    common = np.cross(one.normal, two.normal)
    return common / np.linalg.norm(common)


def test_landmarks_fall_on_one_voxel_of_sagittal_and_axial_slices(crossings):
    """The pixels that hold a landmark in two planes lie within half a pixel of it, hence of each other."""
    for _, place, slices in crossings:
        voxels = [plane.to_patient(np.rint(plane.to_pixel(place)[0])) for plane, _ in slices]
        for voxel, (plane, _) in zip(voxels, slices, strict=True):
            for step in (plane.step_x_mm, plane.step_y_mm):
                assert abs((voxel - place) @ step) <= step @ step / 2 + 1e-9
        planes = [plane for plane, _ in slices]
        half_pixels = sum(max(plane.spacing_xy_mm) / 2 for plane in planes)
        assert abs((voxels[0] - voxels[1]) @ shared_direction(*planes)) < half_pixels


def test_sagittal_and_axial_images_show_the_same_anatomy_where_they_cross(crossings):
    """Along the line that both images show, through the canal, their profiles fit best without a shift."""
    step_mm, reach_mm, largest = 0.25, 25.0, 24
    shifts = {}
    for study_id, place, slices in crossings:
        one, two = (plane for plane, _ in slices)
        common = shared_direction(one, two)
        start = np.linalg.solve(np.stack([one.normal, two.normal, common]),
                                [one.normal @ one.origin_mm, two.normal @ two.origin_mm, common @ place])
        lines = []
        for (plane, image), more in zip(slices, (largest, 0), strict=True):  # the first reaches further on both ends
            count = int(2 * reach_mm / step_mm) + 1 + 2 * more
            line = SlicePlane(start - common * step_mm * (count - 1) / 2, common * step_mm,
                              np.cross(plane.normal, common), (1, count))
            lines.append(resample(image, plane, line)[0])
        fits = [np.corrcoef(lines[0][lag: lag + len(lines[1])], lines[1])[0, 1] for lag in range(2 * largest + 1)]
        shifts.setdefault(study_id, []).append(abs(int(np.argmax(fits)) - largest) * step_mm / max(one.spacing_xy_mm))
    assert all(np.median(values) < 0.5 for values in shifts.values()), shifts  # in pixels of the coarser image
