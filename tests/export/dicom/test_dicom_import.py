from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import umind
print("highdicom" in sys.modules)
import umind.export.dicom
print("highdicom" in sys.modules)
"""


def test_the_library_alone_does_not_load_highdicom():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
