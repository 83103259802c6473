"""What the peers of the tests learn from and are asked about."""

from __future__ import annotations

import numpy as np

from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Structure

SIZE = 64
ABSENT = ("fetal head", "ovarian mass", "thyroid nodule", "carotid artery", "liver lesion")


def drawn(seed: int, *, dataset: str = "BUSBRA", split: str = "train", count: int | None = None) -> Sample:
    """Dark discs on speckle: breast lesions of a set, or one fetal head of HC18."""
    rng = np.random.default_rng((len(dataset), seed))
    rows, columns = np.mgrid[:SIZE, : SIZE + 16]
    pixels = rng.normal(150, 25, rows.shape)
    name = "fetal head" if dataset == "HC18" else "breast lesion"
    masks = []
    for middle in (18, 58)[: rng.integers(1, 3) if count is None else count]:
        mask = (rows - rng.uniform(20, 44)) ** 2 + (columns - middle) ** 2 < rng.uniform(8, 14) ** 2
        pixels[mask] -= 100
        masks.append(mask)
    kind = "malignant" if seed % 3 == 0 else "benign"
    structures = (Structure(name, masks=np.stack(masks), attributes={"class": kind}),) if masks else ()
    lacking = () if masks else (name,)
    return Sample(
        UltrasoundImage(pixels.clip(0, 255).astype(np.uint8), name=f"{dataset}-{seed}"),
        key=str(seed),
        dataset=dataset,
        split=split,
        organ="fetal head" if dataset == "HC18" else "breast",
        structures=structures,
        absent=(*(other for other in ("breast lesion", *ABSENT) if other != name), *lacking),
        patient=str(seed // 2),
    )
