"""Folders that are known by their content."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from adapter_lookalikes import SIDE, disc, hc18, splits, store
from general_lookalikes import (
    conversations,
    echovlm,
    hospital_coco,
    image_beside_mask,
    image_mask,
    nifti,
    nnunet_pictures,
    nnunet_volumes,
    roboflow_coco,
    said,
    u2_bench,
)

from umind.data.adapters.nnunet import grey_of
from umind.data.adapters.registry import FORMATS, adapter_of, open_dataset
from umind.data.adapters.u2_bench import place_of
from umind.io.nifti import read_header, read_volume
from umind.schema.errors import ImageReadError

PICTURE_FOLDERS = {
    "COCO": hospital_coco,
    "nnU-Net": nnunet_pictures,
    "images and masks": image_mask,
    "conversations": conversations,
    "EchoVLM": echovlm,
    "U2-BENCH": u2_bench,
}


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # pycocotools 2.0.11 decodes with NumPy 1's protocol
@pytest.mark.filterwarnings("ignore:.*names no patients")
@pytest.mark.parametrize("name", PICTURE_FOLDERS)
def test_a_folder_is_known_by_its_content(name: str, tmp_path: Path) -> None:
    root = PICTURE_FOLDERS[name](tmp_path)
    adapter = open_dataset(root)
    assert adapter.name == name
    assert [kind.name for kind in FORMATS if kind.fits(root)] == [name]
    assert adapter.records
    copy = pickle.loads(pickle.dumps(adapter))
    assert copy[0].key == adapter[0].key
    for sample in adapter if name != "U2-BENCH" else ():
        assert sample.dataset == root.name
        for structure in sample.structures:
            shape = (sample.image.height, sample.image.width)
            assert structure.masks.shape[1:] == shape
            assert structure.masks.any((1, 2)).all()
            instances = len(structure.masks) + len(structure.boxes)
            assert all(points.shape == (instances, 2) for points in structure.keypoints.values())
            assert structure.name not in sample.absent


def test_an_official_name_comes_first_and_nothing_is_guessed(tmp_path: Path) -> None:
    assert adapter_of(hc18(tmp_path)).__name__ == "HC18"  # type: ignore[union-attr]
    (tmp_path / "empty").mkdir()
    said(tmp_path / "empty" / "notes.json", {"images": "none"})
    (tmp_path / "empty" / "talk.jsonl").write_text("no json\n", "utf-8")
    with pytest.raises(ValueError, match=r"'empty'; known folders are BUSBRA, .*these are .*COCO, nnU-Net.*images and masks"):
        open_dataset(tmp_path / "empty")


@pytest.mark.filterwarnings("ignore:.*names no patients")
@pytest.mark.parametrize("name", ["COCO", "nnU-Net", "images and masks", "conversations"])
def test_the_licence_of_an_own_folder_is_unknown(name: str, tmp_path: Path) -> None:
    adapter = open_dataset(PICTURE_FOLDERS[name](tmp_path))
    assert (adapter.licence, adapter.may_ship) == ("unknown", False)


def test_no_patients_are_told_of(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="images and masks names no patients"):
        open_dataset(image_mask(tmp_path))


def test_splits_csv_decides(tmp_path: Path) -> None:
    root = splits(hospital_coco(tmp_path), ["images/1", "images/4", "images/9"])
    adapter = open_dataset(root)
    assert [(record.key, record.split) for record in adapter.records] == [("images/1", "train"), ("images/4", "val")]
    assert adapter.skipped == (("images/9", "no annotation file lists it"),)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # pycocotools 2.0.11 decodes with NumPy 1's protocol
def test_coco_of_a_hospital(tmp_path: Path) -> None:
    adapter = open_dataset(hospital_coco(tmp_path))
    samples = {sample.key: sample for sample in adapter}
    assert sorted(samples) == ["images/1", "images/2", "images/3", "images/4"]
    reasons = dict(adapter.skipped)
    assert set(reasons) == {"images/5", "6", "images/7"}
    assert "5.png is missing or broken" in reasons["images/5"]
    assert "6.png is missing or broken" in reasons["6"]
    assert reasons["images/7"] == "7.png is (32, 48), its annotations are of (64, 64)"
    assert [sample.patient for sample in samples.values()] == ["P1", "P2", "P3", "P4"]

    nodule, cyst = samples["images/1"].structures
    assert (nodule.name, cyst.name) == ("thyroid nodule", "cyst")
    square = np.zeros((SIDE, SIDE), bool)
    square[20:44, 10:30] = True
    np.testing.assert_array_equal(nodule.masks, square[None])
    np.testing.assert_array_equal(nodule.boxes, [[40, 40, 50, 52]])
    np.testing.assert_array_equal(nodule.keypoints["long axis start"], [[np.nan, np.nan], [41, 41]])
    assert np.isnan(nodule.keypoints["long axis end"]).all()
    np.testing.assert_array_equal(cyst.masks[0], disc() > 0)
    assert samples["images/1"].absent == ()

    crowd, empty, plain = samples["images/2"], samples["images/3"], samples["images/4"]
    assert crowd.structures == ()
    assert crowd.absent == ("cyst",)  # there are nodules, though nobody told them apart
    assert empty.absent == ("thyroid nodule", "cyst")
    assert plain.absent == ("thyroid nodule",)
    columns = np.zeros((SIDE, SIDE), bool)
    columns[:, :2] = True
    np.testing.assert_array_equal(plain.structures[0].masks[0], columns)


@pytest.mark.filterwarnings("ignore:.*names no patients")
def test_coco_in_parts(tmp_path: Path) -> None:
    adapter = open_dataset(roboflow_coco(tmp_path))
    assert {record.key: record.split for record in adapter.records} == {
        "train/train": "train",
        "valid/valid": "val",
        "test/test": "test",
    }
    for sample in adapter:
        assert sample.structures[0].masks.shape == (0, SIDE, SIDE)
        np.testing.assert_array_equal(sample.structures[0].boxes, [[4, 5, 10, 12]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": [1, 1, 0, 5]}, "neither an outline nor a box"),
        ({"segmentation": {"size": [10, 10], "counts": [100]}}, r"run lengths of \(10, 10\) for an image of \(64, 64\)"),
        ({"bbox": [1, 1, 5, 5], "keypoints": [1, 2]}, "reshape"),
    ],
)
def test_a_wrong_coco_annotation_is_named(change: dict[str, object], message: str, tmp_path: Path) -> None:
    root = hospital_coco(tmp_path)
    path = root / "annotations" / "instances.json"
    content = json.loads(path.read_text("utf-8"))
    content["annotations"] = [{"id": 1, "image_id": 4, "category_id": 3} | change]
    said(path, content)
    adapter = open_dataset(root)
    record = next(record for record in adapter.records if record.key == "images/4")
    with pytest.raises(ImageReadError, match=rf"4\.png: .*{message}"):
        adapter.read(record)
    content["annotations"] = [{"id": 1, "image_id": 4, "category_id": 77, "bbox": [1, 1, 5, 5]}]
    said(path, content)
    assert dict(open_dataset(root).skipped)["images/4"] == "annotated with unknown categories [77]"
    del content["images"][0]["file_name"]
    said(path, content)
    with pytest.raises(ImageReadError, match=r"instances\.json: a field is missing.*file_name"):
        open_dataset(root)


@pytest.mark.filterwarnings("ignore:.*names no patients")
def test_nnunet_pictures(tmp_path: Path) -> None:
    adapter = open_dataset(nnunet_pictures(tmp_path))
    assert adapter.skipped == (("imagesTr/case_3", "no label map"),)
    samples = {sample.key: sample for sample in adapter}
    assert [structure.name for structure in samples["imagesTr/case_0"].structures] == ["lesion", "gland"]
    assert len(samples["imagesTr/case_0"].structures[1].masks) == 2  # the region of lesion and gland
    assert samples["imagesTr/case_1"].absent == ("lesion",)
    assert samples["imagesTr/case_2"].absent == ()  # ignored pixels might be anything
    assert samples["imagesTs/case_9"].split == "test"
    assert samples["imagesTr/case_0"].image.spacing is None


@pytest.mark.filterwarnings("ignore:.*names no patients")
def test_nnunet_of_version_one(tmp_path: Path) -> None:
    adapter = open_dataset(nnunet_pictures(tmp_path, version=1))
    samples = {sample.key: sample for sample in adapter}
    assert [structure.name for structure in samples["imagesTr/case_0"].structures] == ["lesion", "gland"]
    store(adapter.root / "labelsTr" / "case_0.png", disc() * 9)
    with pytest.raises(ImageReadError, match=r"case_0\.png: values \[9\] have no name"):
        next(adapter.read(record) for record in adapter.records if record.key == "imagesTr/case_0")
    said(adapter.root / "dataset.json", {"labels": ["lesion"]})
    with pytest.raises(ImageReadError, match="labels want a value for each name"):
        open_dataset(adapter.root)


def test_nnunet_volumes(tmp_path: Path) -> None:
    adapter = open_dataset(nnunet_volumes(tmp_path))
    assert len(adapter) == 6
    assert len({record.split for record in adapter.records if record.patient == "sweep_1"}) == 1
    samples = {sample.key: sample for sample in adapter}
    hit = samples["imagesTr/sweep_1/001"]
    volume = np.random.default_rng(1).integers(0, 256, (40, 30, 3))
    np.testing.assert_array_equal(hit.image.pixels, volume[:, :, 1].T)
    mask = np.zeros((30, 40), bool)
    mask[20:24, 5:12] = True
    np.testing.assert_array_equal(hit.structures[0].masks, mask[None])
    assert hit.image.spacing is not None
    assert (hit.image.spacing.dy, hit.image.spacing.dx) == pytest.approx((0.1, 0.2))
    assert hit.image.calibration == "sidecar"
    assert samples["imagesTr/sweep_1/000"].absent == ("lesion",)
    (adapter.root / "imagesTr" / "sweep_2_0000.nii.gz").write_bytes(b"no volume")
    again = open_dataset(adapter.root)
    assert [key for key, _ in again.skipped] == ["imagesTr/sweep_2"]
    assert len(again) == 3
    (adapter.root / "labelsTr" / "sweep_1.nii.gz").unlink()
    assert {reason for _, reason in open_dataset(adapter.root).skipped[1:]} == {"no label map"}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nifti(name: str, order: str, tmp_path: Path) -> None:
    path, values = tmp_path / name, np.arange(24, dtype=np.int16).reshape(4, 3, 2)
    nifti(path, values, (0.2, 0.1, 0.3), order=order)
    np.testing.assert_array_equal(read_volume(path), values.T)
    assert read_header(path).voxel == pytest.approx((0.2, 0.1, 0.3))
    nifti(path, values[:, :, 0], (0.2, 0.1, 0.3), unit=3, order=order)
    assert read_header(path).shape == (4, 3, 1)
    assert read_header(path).voxel == pytest.approx((0.0002, 0.0001, 0.0003))
    nifti(path, values, (1, 1, 1), unit=0, order=order)
    assert read_header(path).voxel is None


@pytest.mark.parametrize(
    ("place", "patch"), [(70, b"\x80\0"), (40, b"\x05\0"), (344, b"nope"), (42, b"\xff\x7f\xff\x7f\xff\x7f")]
)
def test_a_wrong_volume_is_refused(place: int, patch: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    nifti(path, np.ones((4, 3, 2), np.uint8), (1, 1, 1))
    whole = bytearray(path.read_bytes())
    path.write_bytes(whole[:-1])
    with pytest.raises(ImageReadError, match="Expected 24 bytes, got 23"):
        read_volume(path)
    whole[place : place + len(patch)] = patch
    if place == 40:
        whole[48:52] = b"\2\0\2\0"
    path.write_bytes(whole)
    with pytest.raises(ImageReadError, match=r"a\.nii"):
        read_volume(path)


def test_a_scale_of_one_millimetre_is_suspect(tmp_path: Path) -> None:
    root = nnunet_volumes(tmp_path)
    nifti(root / "imagesTr" / "sweep_1_0000.nii.gz", np.zeros((40, 30, 3), np.uint8), (1, 1, 1))
    sample = next(sample for sample in open_dataset(root) if sample.patient == "sweep_1")
    assert (sample.image.spacing, sample.image.calibration) == (None, "suspect")


def test_grey_levels_of_a_volume() -> None:
    plane = np.array([[0.0, 100.0]])
    np.testing.assert_array_equal(grey_of(plane, 0, 200), [[0, 100]])
    np.testing.assert_array_equal(grey_of(plane, -100, 155), [[100, 200]])
    np.testing.assert_array_equal(grey_of(np.array([[0.0, 1.0]]), 0, 1), [[0, 255]])
    np.testing.assert_array_equal(grey_of(np.array([[-3.0]]), -3, -3), [[0]])


@pytest.mark.filterwarnings("ignore:.*names no patients")
def test_images_and_masks(tmp_path: Path) -> None:
    adapter = open_dataset(image_mask(tmp_path))
    samples = {sample.key: sample for sample in adapter}
    assert adapter.skipped == (("images/clinic/3", "no mask"),)
    two, one, none = (samples[f"images/clinic/{number}"] for number in range(3))
    assert [(structure.name, len(structure.masks)) for structure in two.structures] == [("thyroid nodule", 2)]
    np.testing.assert_array_equal(one.structures[0].masks[0], disc() > 0)
    assert (none.structures, none.absent) == ((), ())
    store(adapter.root / "masks" / "clinic" / "1.png", np.ones((8, 8), np.uint8))
    with pytest.raises(ImageReadError, match=r"\(8, 8\) for an image of \(64, 64\)"):
        list(adapter)


@pytest.mark.filterwarnings("ignore:.*names no patients")
def test_masks_beside_images_with_names(tmp_path: Path) -> None:
    adapter = open_dataset(image_beside_mask(tmp_path))
    assert adapter.skipped == (("train/lonely", "no mask"),)
    assert {sample.key: sample.split for sample in adapter} == {"train/x.1": "train", "val/x.1": "val"}
    assert [structure.name for structure in adapter[0].structures] == ["nerve", "vessel"]
    store(adapter.root / "train" / "x.1_mask.png", disc() * 7)
    with pytest.raises(ImageReadError, match=r"values \[7\] have no name in labels\.json"):
        list(adapter)
    for wrong in ({"300": "nerve"}, {"nerve": 1}, [1], {}):
        said(adapter.root / "labels.json", wrong)
        with pytest.raises(ValueError, match=r"labels\.json: .*wanted"):
            open_dataset(adapter.root)


def test_conversations(tmp_path: Path) -> None:
    adapter = open_dataset(conversations(tmp_path))
    assert [place for place, _ in adapter.skipped] == ["a.jsonl:4", "a.jsonl:5", "a.jsonl:6", "a.jsonl:8"]
    reasons = [reason for _, reason in adapter.skipped]
    assert "img/9.png is not in the folder" in reasons[0]
    assert "do not alternate" in reasons[1]
    assert "secret.png is not in the folder" in reasons[2]
    one, two = adapter
    assert (one.key, one.patient, one.split) == ("img/0", "5", "val")
    assert [(said.question, said.answer) for said in one.exchanges] == [
        ("Is there a nodule?", "Yes."),
        ("Where?", "In the centre."),
        ("Which organ?", "Thyroid."),
    ]
    assert one.structures[0].name == "nodule"
    np.testing.assert_array_equal(one.structures[0].boxes, [[10, 12, 30, 40]])
    assert (two.key, two.report, two.exchanges[0].language) == ("img/1+img/2", "无异常。", "zh")
    assert two.image.pixels.shape == (SIDE, 2 * SIDE, 3)
    assert not two.structures[0].masks[0, :, :SIDE].any()
    np.testing.assert_array_equal(two.structures[0].masks[0, :, SIDE:], disc() > 0)


def test_echovlm(tmp_path: Path) -> None:
    adapter = open_dataset(echovlm(tmp_path))
    first, second = adapter
    assert (first.key, first.split, first.patient, first.group) == ("BUSI/benign (1)", "train", "g1", "g1")
    assert second.split == "val"
    assert first.report == first.exchanges[0].answer == "乳腺内见一低回声结节。"
    assert (first.exchanges[0].question, first.exchanges[0].language, first.organ) == ("请描述。", "zh", "breast")
    assert adapter.skipped == (("BUSI/benign (999)", "its image is not in Dataset_BUSI_with_GT"),)


def test_u2_bench(tmp_path: Path) -> None:
    adapter = open_dataset(u2_bench(tmp_path))
    records = {record.key: record for record in adapter.records}
    assert {record.split for record in records.values()} == {"test"}
    assert set(dict(adapter.skipped)) == {"view_recognition_and_assessment/10/0002", "lesion_localisation/04/0002"}
    assert "not in shares" in dict(adapter.skipped)["lesion_localisation/04/0002"]
    plane = adapter.read(records["view_recognition_and_assessment/10/0000"])
    assert plane.exchanges[0].question == "Look at the fetus.\nWhich plane?"
    assert (plane.exchanges[0].answer, plane.exchanges[0].options) == ("AC_PLANE", ("AC_PLANE", "BPD_PLANE"))
    assert (plane.organ, plane.patient) == ("fetus", "10.FPUS23/7")
    pointed = adapter.read(records["view_recognition_and_assessment/10/0001"])
    np.testing.assert_array_equal(pointed.image.pixels, plane.image.pixels)
    places = [adapter.read(records[f"lesion_localisation/04/000{row}"]).exchanges[0].answer for row in (0, 1)]
    assert places == ["middle left", "not visible"]
    with pytest.raises(ImageReadError, match="report_generation/39/0000: img_data is no image"):
        adapter.read(records["report_generation/39/0000"])


def test_nine_places() -> None:
    found = [[place_of(x, y) for x in (0.1, 0.5, 0.9)] for y in (0.1, 0.5, 0.9)]
    assert found == [
        ["upper left", "upper center", "upper right"],
        ["middle left", "center", "middle right"],
        ["lower left", "lower center", "lower right"],
    ]


@pytest.mark.skipif("UMIND_DATA" not in os.environ, reason="UMIND_DATA names no folder with the real sets")
def test_real_texts() -> None:
    root = Path(os.environ["UMIND_DATA"]) / "EchoVLM_text"
    adapter = open_dataset(root)
    assert len(adapter) + len(adapter.skipped) == 2297
    for index in (0, len(adapter) // 2, -1):
        sample = adapter[index]
        assert sample.report == sample.exchanges[0].answer
        assert sample.exchanges[0].language == "zh"
