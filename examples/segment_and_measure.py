"""The verbs on one image: encode once, ask many times, draw. Run as ``python examples/segment_and_measure.py [PICTURE]``."""

import sys
from pathlib import Path

from umind import UMindVL, draw, read

image = read(Path(__file__).with_name("phantom.png"), spacing=0.1015)  # millimetres per pixel; a PNG carries none
model = UMindVL.from_pretrained()
seen = model.encode(image)  # the pixels go through the network once

lesion = model.segment(seen, "solid lesion")
cyst = model.detect(seen, "cyst")
ends = model.keypoints(seen, "cyst")
diameter = model.measure(seen, "longest diameter of the solid lesion")
kind = model.classify(seen, "solid lesion", ["benign", "malignant"])
report = model.report(seen)

print(f"solid lesion: {len(lesion)} found, {lesion.mask.sum()} pixels, presence {lesion.presence:.2f}")
print(f"cyst: {len(cyst)} found at {cyst.boxes.round().astype(int).tolist()}")
print(f"axis ends: {dict(zip(ends.names, ends.points.round().astype(int).tolist(), strict=True))}")
print(f"{diameter.phrase}: {diameter}, by {diameter.method}")
print(f"class: {kind.label}, with a probability of {kind.probabilities.max():.2f}")
print(f"report: {report.text}")

target = sys.argv[1] if len(sys.argv) > 1 else "segment_and_measure.png"
draw(image, [lesion, cyst, ends, diameter, kind, report]).save(target)
print(f"Written: {target}. Research use only, not for diagnosis.")
