from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from adapter_lookalikes import BREAST_FOLDER, BUILDERS, SIDE, disc, store

from umind.data.adapters.hc18 import fill_outline
from umind.data.adapters.registry import ADAPTERS, open_dataset
from umind.geometry.ellipse import ellipse_of_mask
from umind.schema.errors import ImageReadError

MASK_OF_FIRST = {
    "BUSBRA": "Masks/mask_0001-l.png",
    "Dataset_BUSI_with_GT": "benign/benign (1)_mask.png",
    "BrEaST": f"{BREAST_FOLDER}/case001_tumor.png",
    "HC18": "training_set/000_HC_Annotation.png",
    "MMOTU_2D": "Chocolate_Cyst/annotations/10.PNG",
    "TG3K": "thyroid-mask/0002.bmp",
    "CCAUS": "Expert mask images/202201121748100022VAS_slice_1069.png",
    "USGRA": "masks/0000.png",
    "Liver_lesions": "masks/10009.png",
}
TABLES = {
    "BUSBRA": "bus_data.csv",
    "BrEaST": "BrEaST-Lesions-USG-clinical-data-Dec-15-2023.xlsx",
    "HC18": "training_set_pixel_size_and_HC.csv",
    "DDTI": "1.xml",
}


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_sample_is_whole(name: str, tmp_path: Path) -> None:
    adapter = open_dataset(BUILDERS[name](tmp_path))
    assert len(adapter) == len(adapter.records) > 1
    for record, sample in zip(adapter.records, adapter, strict=True):
        assert (sample.key, sample.split, sample.patient, sample.group) == (
            record.key,
            record.split,
            record.patient,
            record.group,
        )
        assert sample.dataset == name
        assert adapter.organ in (sample.organ, "")  # a set of many organs has none of its own
        assert sample.image.pixels.shape[:2] == (SIDE, SIDE)
        assert sample.group
        for structure in sample.structures:
            assert structure.masks.dtype == bool
            assert structure.masks.shape[1:] == (SIDE, SIDE)
            assert structure.masks.any((1, 2)).all()
            assert structure.name not in sample.absent
        assert len(set(sample.absent)) == len(sample.absent) >= 4


@pytest.mark.parametrize("name", ADAPTERS)
def test_splits_select_and_adapters_travel_to_workers(name: str, tmp_path: Path) -> None:
    root = BUILDERS[name](tmp_path)
    train = open_dataset(root, ("train",))
    assert [record.split for record in train.records] == ["train"]
    copy = pickle.loads(pickle.dumps(train))
    np.testing.assert_array_equal(copy[0].image.pixels, train[-1].image.pixels)


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_missing_image_is_named(name: str, tmp_path: Path) -> None:
    adapter = open_dataset(BUILDERS[name](tmp_path))
    record = adapter.records[0]
    file = record.stem.partition("#")[0]  # a video's frames are one file
    next((adapter.root / record.folder).glob(f"{file}.[!x]*")).unlink()
    with pytest.raises(ImageReadError, match=record.stem.replace("(", r"\(").replace(")", r"\)")):
        adapter[0]


@pytest.mark.parametrize("name", MASK_OF_FIRST)
def test_a_missing_broken_or_foreign_mask_is_named(name: str, tmp_path: Path) -> None:
    adapter = open_dataset(BUILDERS[name](tmp_path))
    path = adapter.root / MASK_OF_FIRST[name]
    store(path, np.ones((8, 8), np.uint8))
    with pytest.raises(ImageReadError, match=r"\(8, 8\) for an image of \(64, 64\)") as caught:
        adapter[0]
    assert path.name in str(caught.value)
    path.write_bytes(b"no picture")
    with pytest.raises(ImageReadError) as caught:
        adapter[0]
    assert path.name in str(caught.value)
    path.unlink()
    with pytest.raises(ImageReadError) as caught:
        adapter[0]
    assert path.stem in str(caught.value)


@pytest.mark.parametrize("name", ["MMOTU_2D", "TG3K", "CCAUS", "USGRA", "Liver_lesions", "Dataset_BUSI_with_GT"])
def test_an_empty_mask_is_never_a_negative(name: str, tmp_path: Path) -> None:
    adapter = open_dataset(BUILDERS[name](tmp_path))
    for path in (adapter.root / MASK_OF_FIRST[name]).parent.glob("*(1)_mask*" if "BUSI" in name else "*"):
        store(path, np.zeros((SIDE, SIDE), np.uint8))
    with pytest.raises(ImageReadError):
        adapter[0]


@pytest.mark.parametrize("name", TABLES)
def test_a_missing_table_is_named(name: str, tmp_path: Path) -> None:
    root = BUILDERS[name](tmp_path)
    (root / TABLES[name]).unlink()
    with pytest.raises(ImageReadError, match=root.name):
        open_dataset(root)


def test_busbra(tmp_path: Path) -> None:
    sample = open_dataset(BUILDERS["BUSBRA"](tmp_path))[0]
    lesion = sample.structure("breast lesion")
    assert lesion is not None
    np.testing.assert_array_equal(lesion.masks[0], disc() > 0)
    assert lesion.attributes == {"class": "malignant", "birads": "4", "histology": "invasive ductal carcinoma"}
    assert sample.patient == "1"
    assert sample.image.pixels.ndim == 2


def test_busi(tmp_path: Path) -> None:
    two, twice, normal, plain = open_dataset(BUILDERS["Dataset_BUSI_with_GT"](tmp_path))
    assert [len(sample.structures[0].masks) for sample in (two, twice, plain)] == [2, 1, 1]
    np.testing.assert_array_equal(two.structures[0].masks.any(0), (disc(16, 16, 8) | disc(48, 48, 8)) > 0)
    np.testing.assert_array_equal(twice.structures[0].masks[0], disc(radius=14) > 0)
    assert twice.structures[0].attributes == {"class": "malignant"}
    assert normal.structures == ()
    assert "breast lesion" in normal.absent
    assert two.patient is None
    assert two.group == two.key


def test_breast(tmp_path: Path) -> None:
    tumour, normal = open_dataset(BUILDERS["BrEaST"](tmp_path))
    assert tumour.structures[0].attributes == {
        "class": "malignant",
        "shape": "irregular",
        "margin": "not circumscribed - angular, indistinct",
        "echogenicity": "hypoechoic",
        "posterior features": "shadowing",
        "halo": "no",
        "skin thickening": "yes",
        "birads": "4c",
    }
    np.testing.assert_array_equal(tumour.structures[0].masks[0], disc() > 0)
    assert tumour.image.spacing is not None
    assert tumour.image.spacing.dy == pytest.approx(0.09)
    assert tumour.image.calibration == "sidecar"
    assert normal.structures == ()
    assert normal.absent[0] == "breast lesion"


def test_hc18(tmp_path: Path) -> None:
    filled, outline, cut = open_dataset(BUILDERS["HC18"](tmp_path))
    assert filled.measurements == {"head circumference": 67.9}
    for sample, spacing in ((filled, 0.5), (outline, 0.25)):
        assert sample.image.spacing is not None
        assert sample.image.spacing.dx == spacing
        assert sample.image.calibration == "sidecar"
        ellipse = ellipse_of_mask(sample.structures[0].masks[0], (spacing, spacing))
        assert ellipse.circumference == pytest.approx(sample.measurements["head circumference"], rel=0.02)
        assert ellipse.circumference * sample.stretch == pytest.approx(sample.measurements["head circumference"])
    difference = filled.structures[0].masks[0] ^ outline.structures[0].masks[0]
    assert difference.sum() < 0.25 * 136  # a quarter of the pixels that the line passes
    assert cut.structures[0].masks[0, 50:, 32].all()
    assert cut.stretch == 1
    nothing = np.zeros((4, 4), bool)
    assert not fill_outline(nothing).any()


def test_mmotu(tmp_path: Path) -> None:
    cyst, carcinoma, ovary = open_dataset(BUILDERS["MMOTU_2D"](tmp_path))
    assert len(cyst.structures[0].masks) == 2
    assert cyst.structures[0].masks.any(0)[60, 2]
    assert cyst.structures[0].attributes == {"class": "chocolate cyst"}
    assert carcinoma.structures[0].attributes == {"class": "high-grade serous cystadenoma"}
    assert len(carcinoma.structures[0].masks) == 1
    assert ovary.structures[0].name == "ovary"
    assert "ovarian mass" in ovary.absent
    assert "ovarian mass" not in cyst.absent
    assert cyst.image.pixels.ndim == 3


def test_ddti_lists_its_faults(tmp_path: Path) -> None:
    adapter = open_dataset(BUILDERS["DDTI"](tmp_path))
    assert [record.key for record in adapter.records] == ["1_1", "1_2"]
    assert [key for key, _ in adapter.skipped] == ["2_1", "2_2", "2_3", "2_4"]
    reasons = [reason for _, reason in adapter.skipped]
    assert "does not parse" in reasons[0]
    assert all(reasons)
    first, second = (adapter[number].structures[0] for number in range(2))
    assert len(first.masks) == 2
    assert first.attributes == {}  # the case's descriptors do not say which of the two they describe
    assert second.attributes == {
        "composition": "solid",
        "margin": "ill defined",
        "calcifications": "microcalcifications",
        "tirads": "4a",
    }
    for x, y in ((16, 16), (48, 48)):
        assert first.masks[:, y, x].sum() == 1
    single = second.masks[0]
    circle = disc(32, 32, 8) > 0
    assert (single & circle).sum() > 0.8 * (single | circle).sum()  # corners on whole pixels


def test_ddti_skips_only_within_the_chosen_splits(tmp_path: Path) -> None:
    assert open_dataset(BUILDERS["DDTI"](tmp_path), ("train",)).skipped == ()


def test_tg3k_drops_lettering_and_keeps_both_lobes(tmp_path: Path) -> None:
    adapter = open_dataset(BUILDERS["TG3K"](tmp_path))
    gland = adapter[0].structures[0]
    np.testing.assert_array_equal(gland.masks[0], np.maximum(disc(20, 40, 14), disc(50, 40, 5)) > 0)
    assert gland.name == "thyroid gland"
    assert not adapter.may_ship


def test_usgra(tmp_path: Path) -> None:
    both, nerve = open_dataset(BUILDERS["USGRA"](tmp_path))
    assert [(structure.name, len(structure.masks)) for structure in both.structures] == [("nerve", 2), ("vessel", 1)]
    np.testing.assert_array_equal(both.structures[1].masks[0], disc(32, 48, 9) > 0)
    assert nerve.structure("vessel") is None
    assert "vessel" not in nerve.absent


def test_liver_and_carotid_and_lung(tmp_path: Path) -> None:
    kinds = [sample.structures[0].attributes["class"] for sample in open_dataset(BUILDERS["Liver_lesions"](tmp_path))]
    assert kinds == ["benign", "malignant"]
    carotid = open_dataset(BUILDERS["CCAUS"](tmp_path))[0]
    assert carotid.structures[0].name == "carotid artery"
    assert not {"vessel", "thyroid gland", "thyroid nodule"} & set(carotid.absent)
    lungs = list(open_dataset(BUILDERS["POCUS"](tmp_path)))
    assert [sample.attributes["class"] for sample in lungs] == ["covid", "regular", "pneumonia"]
    assert all(sample.structures == () for sample in lungs)


def test_unknown_labels_are_refused(tmp_path: Path) -> None:
    for name, message in (("USGRA", "found \\[3\\]"), ("Liver_lesions", "found \\[3\\]")):
        adapter = open_dataset(BUILDERS[name](tmp_path))
        store(adapter.root / MASK_OF_FIRST[name], disc() * 3)
        with pytest.raises(ImageReadError, match=message):
            adapter[0]
