from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest

from umind.export import to_nifti
from umind.io.nifti import read_header, read_volume


@pytest.mark.parametrize("name", ["masks.nii", "masks.nii.gz"])
def test_labels_and_spacing_come_back(tmp_path, image, segmentation, name):
    to_nifti(image, segmentation).to_filename(tmp_path / name)
    volume = nibabel.load(tmp_path / name)
    np.testing.assert_allclose(volume.affine, np.diag([-0.2, -0.1, 1, 1]), rtol=1e-6)
    assert volume.header.get_xyzt_units()[0] == "mm"
    assert volume.header["descrip"].item() == b"Research use only, not for diagnosis"
    labels = np.asarray(volume.dataobj)
    assert (labels.shape, labels.dtype) == ((90, 60, 1), np.uint8)
    first, second = segmentation.masks
    assert (first & ~second).any()
    np.testing.assert_array_equal(labels[:, :, 0].T, np.where(first, 1, np.where(second, 2, 0)))
    np.testing.assert_array_equal(read_volume(tmp_path / name)[0], labels[:, :, 0].T)
    np.testing.assert_allclose(read_header(tmp_path / name).voxel, (0.2, 0.1, 1), rtol=1e-6)


def test_the_higher_score_lies_on_top(image, segmentation):
    wide = np.full((2, 32, 32), 1.0, np.float32)
    over = replace(segmentation, logits=wide, scores=np.array([0.3, 0.8], np.float32))
    assert set(np.unique(to_nifti(image, over).dataobj)) == {2}


def test_without_spacing_there_is_no_unit(tmp_path, image, segmentation):
    to_nifti(replace(image, spacing=None, calibration="none"), segmentation).to_filename(tmp_path / "masks.nii.gz")
    assert nibabel.load(tmp_path / "masks.nii.gz").header.get_xyzt_units()[0] == "unknown"
    assert read_header(tmp_path / "masks.nii.gz").voxel is None


def test_absent_is_all_background(image, absent):
    assert not np.any(to_nifti(image, absent.segmentations["cyst"]).dataobj)


def test_masks_of_another_size(image, segmentation):
    with pytest.raises(ValueError, match=r"of an image of \(60, 90\), this one is \(10, 90\)"):
        to_nifti(replace(image, pixels=image.pixels[:10]), segmentation)
