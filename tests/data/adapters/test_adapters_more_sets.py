from __future__ import annotations

import gzip
import os
import re
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from more_lookalikes import MORE_BUILDERS, SPACING, camus_nifti, disc, heart_labels, metaimage, speckle, store, write

from umind.data.adapters.cubs import polyline_distance
from umind.data.adapters.fm_uia import TASKS
from umind.data.adapters.registry import open_dataset
from umind.geometry.ellipse import ellipse_of_mask
from umind.schema.errors import ImageReadError
from umind.schema.sample import Sample

DATA = Path(os.environ.get("UMIND_DATA", ""))
MASK_OF_FIRST = {
    "UDIAT": "GT/000001.png",
    "TN3K": "trainval-mask/9.png",
    "PSFHS": "label_mha/03744.mha",
    "JNU-IFM": "20190909T155747/mask/20190909T155747_0_mask.png",
    "CAMUS": "patient0001/patient0001_2CH_ED_gt.mhd",
    "CUBS": "SEGMENTATIONS/Manual-A1/clin_0001_L-MA.txt",
    "FM_UIA": "train/Segmentation/Two/BUS/MASKS/001.png",
}
IMAGE_OF_FIRST = {
    "UDIAT": "original/000001.png",
    "TN3K": "trainval-image/9.jpg",
    "PSFHS": "image_mha/03744.mha",
    "JNU-IFM": "20190909T155747/image/20190909T155747_0.png",
    "CAMUS": "patient0001/patient0001_2CH_ED.mhd",
    "EchoNet-Dynamic": "Videos/0X1A.avi",
    "CUBS": "IMAGES/clin_0001_L.tiff",
    "FM_UIA": "train/Segmentation/Two/BUS/IMGS/001.png",
}
TABLES = {
    "UDIAT": "DatasetB.xlsx",
    "JNU-IFM": "20190909T155747/framelabel.csv",
    "CAMUS": "patient0001/Info_2CH.cfg",
    "EchoNet-Dynamic": "FileList.csv",
    "CUBS": "CF/clin_0001_L_CF.txt",
}


def samples(name: str, base: Path) -> list[Sample]:
    return list(open_dataset(MORE_BUILDERS[name](base)))


def without_table(name: str, base: Path) -> Path:
    root = MORE_BUILDERS[name](base)
    (root / "splits.csv").unlink(missing_ok=True)
    return root


@pytest.mark.parametrize("name", IMAGE_OF_FIRST)
def test_a_broken_image_is_named(name: str, tmp_path: Path) -> None:
    adapter = open_dataset(MORE_BUILDERS[name](tmp_path))
    path = adapter.root / IMAGE_OF_FIRST[name]
    path.write_bytes(b"no picture")
    with pytest.raises(ImageReadError, match=re.escape(path.name)):
        adapter[0]


@pytest.mark.parametrize("name", MASK_OF_FIRST)
def test_a_broken_or_missing_mask_is_named(name: str, tmp_path: Path) -> None:
    adapter = open_dataset(MORE_BUILDERS[name](tmp_path))
    path = adapter.root / MASK_OF_FIRST[name]
    path.write_bytes(b"no picture")
    with pytest.raises(ImageReadError, match=re.escape(path.name)):
        adapter[0]
    path.unlink()
    with pytest.raises(ImageReadError, match=re.escape(path.stem)):
        adapter[0]


@pytest.mark.parametrize("name", TABLES)
def test_a_missing_table_is_named(name: str, tmp_path: Path) -> None:
    root = MORE_BUILDERS[name](tmp_path)
    (root / TABLES[name]).unlink()
    with pytest.raises(ImageReadError, match=re.escape(TABLES[name])):
        open_dataset(root)[0]


@pytest.mark.parametrize("name", ["UDIAT", "PSFHS"])
def test_sets_without_patients_warn(name: str, tmp_path: Path) -> None:
    root = without_table(name, tmp_path)
    with pytest.warns(UserWarning, match="names no patients"):
        adapter = open_dataset(root)
    assert len(adapter) == 2


def test_udiat(tmp_path: Path) -> None:
    benign, malignant = samples("UDIAT", tmp_path)
    assert [sample.structures[0].attributes for sample in (benign, malignant)] == [{"class": "benign"}, {"class": "malignant"}]
    np.testing.assert_array_equal(malignant.structures[0].masks[0], disc(radius=18) > 0)
    store(tmp_path / "UDIAT/GT/000001.png", disc() * 0)
    with pytest.raises(ImageReadError, match="empty mask"):
        open_dataset(tmp_path / "UDIAT")[0]


def test_tn3k_takes_the_first_fold_and_the_test_part(tmp_path: Path) -> None:
    adapter = open_dataset(MORE_BUILDERS["TN3K"](tmp_path))
    parts = {record.key: record.split for record in adapter.records}
    assert parts == {
        "trainval-image/9": "train",  # second by number
        "trainval-image/0002": "val",
        "trainval-image/0010": "val",
        "test-image/0000": "test",
        "test-image/0001": "test",
    }
    first = adapter[0].structures[0]
    assert first.attributes == {"class": "benign"}
    assert len(first.masks) == 2
    np.testing.assert_array_equal(first.masks.any(0), (disc(16, 16, 8) | disc(48, 48, 8)) > 0)
    (adapter.root / "label4trainval.csv").unlink()
    assert open_dataset(adapter.root)[0].structures[0].attributes == {}


@pytest.mark.parametrize(("text", "message"), [("{}", "train"), ("[", "fold0"), ('{"train": [3], "val": []}', "image 3 of 3")])
def test_tn3k_names_a_broken_fold(text: str, message: str, tmp_path: Path) -> None:
    root = MORE_BUILDERS["TN3K"](tmp_path)
    write(root / "tn3k-trainval-fold0.json", text)
    with pytest.raises(ImageReadError, match=message):
        open_dataset(root)


def test_psfhs(tmp_path: Path) -> None:
    both, symphysis = samples("PSFHS", tmp_path)
    np.testing.assert_array_equal(both.image.pixels, speckle(3744))
    assert [structure.name for structure in both.structures] == ["pubic symphysis", "fetal head"]
    np.testing.assert_array_equal(both.structures[1].masks[0], disc(40, 40, 18) > 0)
    assert [structure.name for structure in symphysis.structures] == ["pubic symphysis"]
    assert "fetal head" not in symphysis.absent
    assert both.image.spacing is None
    assert both.measurements == {}
    metaimage(tmp_path / "PSFHS/label_mha/03744.mha", disc()[None] * 3)
    with pytest.raises(ImageReadError, match=r"found \[3\]"):
        open_dataset(tmp_path / "PSFHS")[0]


def test_jnu_ifm_says_what_its_labels_say(tmp_path: Path) -> None:
    adapter = open_dataset(without_table("JNU-IFM", tmp_path))
    assert [key.rpartition("_")[2] for key, _ in adapter.skipped] == ["15"]
    found = {sample.key.rpartition("_")[2]: sample for sample in adapter}
    assert [structure.name for structure in found["0"].structures] == ["pubic symphysis", "fetal head"]
    np.testing.assert_array_equal(found["7"].structures[0].masks[0], disc() > 0)
    asked = ("pubic symphysis", "fetal head")
    absent = {number: [name for name in asked if name in sample.absent] for number, sample in found.items()}
    assert absent == {"0": [], "7": ["pubic symphysis"], "12": list(asked)}
    assert {sample.patient for sample in found.values()} == {"20190909T155747"}
    assert len({sample.split for sample in found.values()}) == 1


def test_jnu_ifm_knows_no_absence_where_label_and_mask_disagree(tmp_path: Path) -> None:
    root = MORE_BUILDERS["JNU-IFM"](tmp_path)
    write(root / "20190909T155747/framelabel.csv", "frame_id,frame_label\n0,3\n7,6\n12,6\n")
    both, head, nothing = open_dataset(root)
    assert len(both.structures) == 2
    assert not {"pubic symphysis", "fetal head"} & {*both.absent, *head.absent, *nothing.absent}
    write(root / "20190909T155747/framelabel.csv", "frame_id,frame_label\n0,2\n")
    with pytest.raises(ImageReadError, match="frame 0 is 2"):
        open_dataset(root)[0]


def test_camus(tmp_path: Path) -> None:
    diastole, systole, *_ = samples("CAMUS", tmp_path)
    assert [structure.name for structure in diastole.structures] == ["left ventricle", "myocardium", "left atrium"]
    for label, structure in enumerate(diastole.structures, start=1):
        np.testing.assert_array_equal(structure.masks[0], heart_labels() == label)
    np.testing.assert_array_equal(diastole.image.pixels, speckle(1))
    assert diastole.image.spacing is not None
    assert (diastole.image.spacing.dy, diastole.image.spacing.dx) == SPACING
    assert diastole.image.calibration == "sidecar"
    assert diastole.measurements == {"end-diastolic volume": 94.0, "ejection fraction": 63.2}
    assert systole.measurements == {"end-systolic volume": 34.6, "ejection fraction": 63.2}
    assert systole.attributes == {"view": "apical two-chamber", "phase": "end-systole", "quality": "good"}


def test_camus_keeps_a_patient_together(tmp_path: Path) -> None:
    adapter = open_dataset(without_table("CAMUS", tmp_path))
    assert len(adapter) == 8
    assert Counter(record.patient for record in adapter.records) == {"patient0001": 4, "patient0002": 4}
    assert len({(record.patient, record.split) for record in adapter.records}) == 2


def test_camus_as_nifti_with_its_parts(tmp_path: Path) -> None:
    adapter = open_dataset(camus_nifti(tmp_path))
    assert [(record.patient, record.split) for record in adapter.records[::2]] == [
        ("patient0001", "train"),
        ("patient0002", "val"),
        ("patient0003", "test"),
    ]
    assert adapter.records[0].key == "database_nifti/patient0001/patient0001_2CH_ED"
    sample = adapter[0]
    np.testing.assert_array_equal(sample.image.pixels, speckle(1))
    np.testing.assert_array_equal(sample.structures[0].masks[0], disc(32, 24, 10) > 0)
    assert sample.image.spacing is not None
    assert (sample.image.spacing.dy, sample.image.spacing.dx) == pytest.approx(SPACING)
    assert sample.measurements == {"ejection fraction": 63.0}


@pytest.mark.parametrize("fault", ["cut", "no nifti", "no unit", "range"])
def test_a_broken_nifti_is_named(fault: str, tmp_path: Path) -> None:
    adapter = open_dataset(camus_nifti(tmp_path))
    path = adapter.root / f"{adapter.records[0].key}.nii.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    if fault == "cut":
        content = content[:-1]
    elif fault == "no nifti":
        content[344:348] = b"nope"
    elif fault == "no unit":
        content[123] = 0
    elif fault == "range":
        content[352:356] = np.float32(300).tobytes()
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(ImageReadError, match="patient0001_2CH_ED"):
        adapter[0]


@pytest.mark.parametrize("text", ["LVedv: 94.0\n", "LVef: good\n"])
def test_camus_needs_an_ejection_fraction(text: str, tmp_path: Path) -> None:
    root = MORE_BUILDERS["CAMUS"](tmp_path)
    write(root / "patient0001/Info_2CH.cfg", text)
    with pytest.raises(ImageReadError, match=r"Info_2CH\.cfg"):
        open_dataset(root)[0]


@pytest.mark.skipif(not (DATA / "CAMUS").is_dir() or "UMIND_DATA" not in os.environ, reason="UMIND_DATA holds no CAMUS")
def test_camus_on_the_published_files() -> None:
    adapter = open_dataset(DATA / "CAMUS")
    assert len(adapter) == 12
    first = next(sample for sample in adapter if sample.key == "patient0001/patient0001_2CH_ED")
    assert first.image.pixels.shape == (778, 549)
    assert first.image.spacing is not None
    assert (first.image.spacing.dy, first.image.spacing.dx) == SPACING
    assert first.measurements == {"end-diastolic volume": 94.0, "ejection fraction": 63.2}
    areas = {}
    for sample in adapter:
        assert [structure.name for structure in sample.structures] == ["left ventricle", "myocardium", "left atrium"]
        areas[sample.key] = int(sample.structures[0].masks.sum())
    for key, area in areas.items():
        if key.endswith("ED"):
            assert area > areas[f"{key[:-2]}ES"]


def test_echonet(tmp_path: Path) -> None:
    adapter = open_dataset(without_table("EchoNet-Dynamic", tmp_path))
    assert [(record.key, record.split) for record in adapter.records] == [
        ("Videos/0X1A#2", "train"),
        ("Videos/0X1A#5", "train"),
        ("Videos/0X2B#2", "val"),
        ("Videos/0X2B#5", "val"),
        ("Videos/0X3C#2", "test"),
        ("Videos/0X3C#5", "test"),
    ]
    diastole, systole = adapter[0], adapter[1]
    assert diastole.attributes == {"view": "apical four-chamber", "phase": "end-diastole"}
    assert diastole.measurements == {"end-diastolic volume": 94.0, "ejection fraction": 63.2}
    assert systole.attributes["phase"] == "end-systole"
    assert systole.measurements == {"end-systolic volume": 34.6, "ejection fraction": 63.2}
    for sample, number, radius in ((diastole, 2, 20), (systole, 5, 10)):
        assert np.abs(sample.image.pixels.astype(int) - 40 * number).max() < 8  # frame 2 is 80 bright
        ellipse = ellipse_of_mask(sample.structures[0].masks[0])
        assert (ellipse.x, ellipse.y) == pytest.approx((32.5, 32.5), abs=0.5)
        assert (ellipse.semi_major, ellipse.semi_minor) == pytest.approx((radius, radius), abs=1)
    assert diastole.patient == "0X1A"


def test_echonet_names_what_is_missing(tmp_path: Path) -> None:
    root = MORE_BUILDERS["EchoNet-Dynamic"](tmp_path)
    write(root / "splits.csv", "image,patient,group,split\nVideos/0X1A#3,,,train\nVideos/0X4D#1,,,train\nVideos/0X1A,,,train\n")
    adapter = open_dataset(root)
    for index, stem in enumerate(("0X1A#3", "0X4D#1", "0X1A")):
        with pytest.raises(ImageReadError, match=f"no outline of {stem}"):
            adapter[index]
    tracings = root / "VolumeTracings.csv"
    tracings.write_text(tracings.read_text("utf-8").replace(",5\n", ",9\n"), "utf-8")
    (root / "splits.csv").unlink()
    with pytest.raises(ImageReadError, match=r"0X1A\.avi: has no frame 9"):
        open_dataset(root)[1]
    tracings.write_text("FileName,X1,Y1,X2,Y2,Frame\n0X1A.avi,1,2,3,x,4\n", "utf-8")
    with pytest.raises(ImageReadError, match="line 2"):
        open_dataset(root)


def test_cubs(tmp_path: Path) -> None:
    level, tilted = samples("CUBS", tmp_path)
    expected = np.zeros((64, 64), bool)
    expected[30:39, 10:57] = True  # columns that both boundaries cross
    np.testing.assert_array_equal(level.structures[0].masks[0], expected)
    assert level.structures[0].name == "intima-media complex"
    assert level.measurements["intima-media thickness"] == pytest.approx(8 * 0.06)
    assert level.image.spacing is not None
    assert level.image.spacing.dx == 0.06
    assert tilted.measurements["intima-media thickness"] == pytest.approx(10 * 0.8 * 0.06, rel=0.02)  # 0.8: cosine of the tilt


def test_cubs_joins_both_sides_and_leaves_out_what_has_no_boundary(tmp_path: Path) -> None:
    adapter = open_dataset(without_table("CUBS", tmp_path))
    assert [record.stem for record in adapter.records] == ["clin_0001_L", "clin_0001_R"]
    assert {record.patient for record in adapter.records} == {"clin_0001"}
    shutil.copy(adapter.root / "IMAGES/clin_0001_L.tiff", adapter.root / "IMAGES/clin_0003_L.tiff")
    assert len(open_dataset(adapter.root)) == 2


def test_polyline_distance_equals_a_loop() -> None:
    rng = np.random.default_rng(0)
    first, second = (np.stack([np.arange(9.0), rng.uniform(low, low + 4, 9)], 1) for low in (0, 9))
    dense = [np.concatenate([np.linspace(a, b, 2001) for a, b in pairwise(line)]) for line in (first, second)]
    gaps = [np.linalg.norm(dense[1] - point, axis=1).min() for point in first]
    gaps += [np.linalg.norm(dense[0] - point, axis=1).min() for point in second]
    assert polyline_distance(first, second) == pytest.approx(np.mean(gaps), abs=1e-4)


def test_fm_uia(tmp_path: Path) -> None:
    adapter = open_dataset(MORE_BUILDERS["FM_UIA"](tmp_path))
    assert [(record.key, record.split) for record in adapter.records] == [
        ("train/Segmentation/Two/BUS/IMGS/001", "train"),
        ("val/Detection/TN/002", "val"),
    ]
    assert [key for key, _ in adapter.skipped] == ["val/Classification/BC/003"]
    assert "breast_2cls" in adapter.skipped[0][1]
    lesion, nodule = adapter
    assert (lesion.organ, nodule.organ) == ("breast", "thyroid")
    assert lesion.structures[0].name == "breast lesion"
    assert len(lesion.structures[0].masks) == 2
    (thyroid,) = nodule.structures
    np.testing.assert_array_equal(thyroid.boxes, [[36, 37, 60, 58.5]])
    np.testing.assert_array_equal(thyroid.masks[0], disc(16, 16, 8) > 0)
    assert "breast lesion" in nodule.absent
    assert "carotid artery" not in nodule.absent
    assert open_dataset(adapter.root, ("train",)).skipped == ()
    assert len(TASKS) == 11


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("../Detection/TN/002.png,36,37,30,58", "box"),
        ("../Detection/TN/002.png,36,37,,58", "no box"),
        ("../Detection/TN/002.png,70,37,80,58", "box"),
        ("../../../secret.png,36,37,60,58", "no path below val"),
        (",36,37,60,58", "no path below val"),
    ],
)
def test_fm_uia_names_broken_rows(row: str, message: str, tmp_path: Path) -> None:
    root = MORE_BUILDERS["FM_UIA"](tmp_path)
    heading = "task_id,task_name,num_classes,image_path,x_min,y_min,x_max,y_max"
    write(root / "val/csv_files/thyroid_nodule_det.csv", f"{heading}\nthyroid_nodule_det,detection,1,{row}\n")
    with pytest.raises(ImageReadError, match=message):
        list(open_dataset(root))


def test_fm_uia_without_tables(tmp_path: Path) -> None:
    (tmp_path / "FM_UIA").mkdir()
    with pytest.raises(ImageReadError, match="csv_files"):
        open_dataset(tmp_path / "FM_UIA")
