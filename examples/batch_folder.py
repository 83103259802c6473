"""A folder of images to one table. Run as ``python examples/batch_folder.py FOLDER TABLE.csv PHRASE [PHRASE ...]``."""

import sys
from pathlib import Path

from umind import UMindVL, to_csv

folder, table, phrases = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
images = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".png", ".jpg", ".jpeg", ".dcm"})
model = UMindVL.from_pretrained()

measures = [f"longest diameter of the {phrase}" for phrase in phrases]
found = model.analyze(images, phrases, measure=measures, errors="return")  # a bad file becomes its error, the others finish
for result in found:
    if isinstance(result, Exception):
        print(result, file=sys.stderr)  # it names the file

good = [result for result in found if not isinstance(result, Exception)]
table.write_text(to_csv(good), "utf-8")
print(f"Written: {table}, {len(good)} of {len(images)} images. Research use only, not for diagnosis.")
