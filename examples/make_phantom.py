"""Write ``phantom.png``: a synthetic scan of a solid lesion and a cyst, and say how long and wide the lesion truly is.

Run as ``python examples/make_phantom.py [FILE]``. A PNG carries no scale: give the millimetres per pixel that this prints as
``--spacing``.
"""

import sys
from pathlib import Path

from PIL import Image

from umind.data.phantom import describe, phantom_sample
from umind.geometry.caliper import diameters_of_mask

SEED = 900792  # picked: umind-tiny outlines both lesions of this one, and one phantom says nothing about the next
SIZE = 512

target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("phantom.png")
sample = phantom_sample(SEED, size=SIZE, scene="lesions")
Image.fromarray(sample.image.pixels).save(target, optimize=True)

spacing = sample.image.spacing
assert spacing is not None, "a phantom knows its scale"
print(f"{target.name}: {describe(sample)}")
print(f"spacing: {spacing.dy:.4f} mm per pixel")
for structure in sample.structures:
    for mask in structure.masks:
        longest, across = diameters_of_mask(mask, spacing)
        print(f"{structure.name}: truly {longest.length(spacing):.2f} mm long and {across.length(spacing):.2f} mm across")
