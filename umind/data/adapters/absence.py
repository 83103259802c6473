"""What is known not to be in the images of a set: the negatives for "is there a ...?".

A name is listed only where the anatomy cannot be in the field of view. Structures that neighbour each other are never
negatives of one another: a carotid lies beside every thyroid, vessels beside every nerve and in every liver.
A structure of the set itself that one image lacks (a normal breast) is added by the set's adapter.
"""

from __future__ import annotations

from collections.abc import Mapping

_BREAST = ("fetal head", "ovarian mass", "thyroid nodule", "carotid artery", "liver lesion")
_FETUS = ("breast lesion", "ovarian mass", "thyroid nodule", "carotid artery", "liver lesion")
_PELVIS = ("breast lesion", "fetal head", "thyroid nodule", "carotid artery", "liver lesion")
_NECK_OR_LIMB = ("breast lesion", "fetal head", "ovarian mass", "liver lesion")
_LIVER = ("breast lesion", "fetal head", "ovarian mass", "thyroid nodule", "carotid artery")
_LUNG = ("breast lesion", "fetal head", "ovarian mass", "thyroid nodule", "carotid artery", "liver lesion")
_BIRTH_CANAL = ("breast lesion", "thyroid nodule", "carotid artery", "liver lesion")
_HEART = ("breast lesion", "fetal head", "ovarian mass", "thyroid nodule", "carotid artery")

ABSENT: Mapping[str, tuple[str, ...]] = {
    "BUSBRA": _BREAST,
    "Dataset_BUSI_with_GT": _BREAST,
    "BrEaST": _BREAST,
    "HC18": _FETUS,
    "MMOTU_2D": _PELVIS,
    "DDTI": _NECK_OR_LIMB,
    "TG3K": _NECK_OR_LIMB,
    "CCAUS": _NECK_OR_LIMB,
    "USGRA": _NECK_OR_LIMB,
    "Liver_lesions": _LIVER,
    "POCUS": _LUNG,
    "UDIAT": _BREAST,
    "TN3K": _NECK_OR_LIMB,
    "PSFHS": _BIRTH_CANAL,
    "JNU-IFM": _BIRTH_CANAL,
    "CAMUS": _HEART,
    "EchoNet-Dynamic": _HEART,
    "CUBS": _NECK_OR_LIMB,
    "FM_UIA": (),
}
