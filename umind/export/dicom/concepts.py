"""Phrases as coded concepts: the SNOMED CT code nearest to each, from the tables of DICOM PS3.16 that pydicom carries."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

ABNORMAL: Code = codes.SCT.MorphologicallyAbnormalStructure
STRUCTURE: Code = codes.SCT.AnatomicalStructure
TISSUE: Code = codes.SCT.Tissue


@dataclass(frozen=True)
class Concept:
    """What a phrase means, as far as codes can say it.

    Args:
        category: Segmented Property Category, CID 7150.
        kind: Segmented Property Type, CID 7151, which is also the Finding of a report.
        site: Where it is; None when the phrase does not say, or is the name of a place itself.
    """

    category: Code
    kind: Code
    site: Code | None


FINDINGS: tuple[tuple[str, Code], ...] = (
    ("nodule", codes.SCT.Nodule),
    ("cyst", codes.SCT.Cyst),
    ("tumor|tumour|neoplasm|cancer|carcinoma", codes.SCT.Neoplasm),
    ("mass|masses", codes.SCT.Mass),
    ("plaque", codes.SCT.Plaque),
    ("lesion", codes.SCT.Lesion),
    ("abnormality|abnormalities", ABNORMAL),
)
"""Words of abnormal findings, the first that a phrase holds counts; a regular plural is understood."""
STRUCTURES: tuple[tuple[str, Code], ...] = (
    ("left ventricular myocardium|left ventricle myocardium|myocardium", codes.SCT.LeftVentricleMyocardium),
    ("left ventricle|left ventricular", codes.SCT.LeftVentricle),
    ("right ventricle|right ventricular", codes.SCT.RightVentricle),
    ("left atrium|left atrial", codes.SCT.LeftAtrium),
    ("right atrium|right atrial", codes.SCT.RightAtrium),
    ("pubic symphysis|symphysis", codes.SCT.SymphysisPubis),
    ("common carotid", codes.SCT.CommonCarotidArtery),
    ("carotid", codes.SCT.CarotidArtery),
    ("lymph node", codes.SCT.LymphNode),
    ("brachial plexus", codes.SCT.BrachialPlexus),
    ("gallbladder", codes.SCT.Gallbladder),
    ("breast|mammary", codes.SCT.Breast),
    ("thyroid", codes.SCT.Thyroid),
    ("ovary|ovaries|ovarian", codes.SCT.Ovary),
    ("uterus|uterine", codes.SCT.Uterus),
    ("prostate", codes.SCT.Prostate),
    ("testis|testes|testicular", codes.SCT.Testis),
    ("liver|hepatic", codes.SCT.Liver),
    ("kidney|renal", codes.SCT.Kidney),
    ("spleen", codes.SCT.Spleen),
    ("pancreas|pancreatic", codes.SCT.Pancreas),
    ("bladder", codes.SCT.Bladder),
    ("lung", codes.SCT.Lung),
    ("pleura|pleural", codes.SCT.Pleura),
    ("heart|cardiac", codes.SCT.Heart),
    ("aorta|aortic", codes.SCT.Aorta),
    ("placenta", codes.SCT.Placenta),
    ("femur", codes.SCT.Femur),
    ("skull", codes.SCT.Skull),
    ("brain", codes.SCT.Brain),
    ("head|biparietal|occipitofrontal", codes.SCT.Head),
    ("abdomen|abdominal", codes.SCT.Abdomen),
    ("nerve", codes.SCT.Nerve),
    ("tendon", codes.SCT.Tendon),
    ("muscle", codes.SCT.Muscle),
    ("artery|arteries", codes.SCT.Artery),
    ("vein", codes.SCT.Vein),
    ("skin", codes.SCT.Skin),
)
"""Words of places in the body, the first that a phrase holds counts, so the narrower ones come first."""


def concept_of(phrase: str) -> Concept:
    """The codes of a phrase.

    An abnormal finding has its kind and, where the phrase names it, its site; a structure its own code. A phrase without
    a known word is tissue, which claims neither that it is normal nor that it is not.

    Args:
        phrase: Free text, as "thyroid nodule" or "longest diameter of the breast lesion".
    """
    finding, place = first_code(phrase, FINDINGS), first_code(phrase, STRUCTURES)
    if finding:
        return Concept(ABNORMAL, finding, place)
    return Concept(STRUCTURE, place, None) if place else Concept(TISSUE, TISSUE, None)


def first_code(phrase: str, table: tuple[tuple[str, Code], ...]) -> Code | None:
    """Code of the first row one of whose words is in the phrase."""
    text = " ".join(phrase.casefold().split())
    return next((code for words, code in table if re.search(rf"\b(?:{words})s?\b", text)), None)
