"""EchoNet-Dynamic: left ventricle at end-diastole and end-systole in videos of the apical four-chamber view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, cast

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from umind.data.adapters.base import Adapter
from umind.data.adapters.files import read_csv
from umind.data.adapters.splits import Listed, Record
from umind.schema.errors import ImageReadError
from umind.schema.image import UltrasoundImage
from umind.schema.sample import Sample, Split, Structure

VIDEOS = "FileList.csv"
TRACINGS = "VolumeTracings.csv"
PARTS: Mapping[str, Split] = {"TRAIN": "train", "VAL": "val", "TEST": "test"}
LINE = ("X1", "Y1", "X2", "Y2")
VOLUMES: Mapping[str, tuple[str, str]] = {
    "end-diastole": ("EDV", "end-diastolic volume"),
    "end-systole": ("ESV", "end-systolic volume"),
}


class EchoNetDynamic(Adapter):
    """Two traced frames of each video, with the volume of the phase and the ejection fraction.

    Layout: ``Videos/0X1A2B.avi``; ``FileList.csv`` (FileName, EF in per cent, ESV and EDV in mL, Split); ``VolumeTracings.csv``
    (FileName, X1, Y1, X2, Y2, Frame): for each traced frame the long axis, then chords across the ventricle from one end of
    it to the other. The outline runs down the chords' first ends and up their second ends, as in the authors' code. A key is
    the video's with the number of the frame, ``Videos/0X1A2B#46``.
    Licence: Stanford's research use agreement, non-commercial; weights trained on it may not ship.
    Faults: which frame is which phase is not told: the larger outline is end-diastole, the smaller end-systole. Videos with
    fewer than two traced frames are left out, as by the authors. 112 x 112 pixels, without spacing.
    """

    name: ClassVar[str] = "EchoNet-Dynamic"
    organ: ClassVar[str] = "heart"
    licence: ClassVar[str] = "research use agreement, non-commercial"
    may_ship: ClassVar[bool] = False
    citation: ClassVar[str] = (
        "Ouyang et al., Video-based AI for beat-to-beat assessment of cardiac function, Nature 580, 252-256, 2020"
    )

    def __init__(self, root: Path, *, splits: tuple[Split, ...] = ("train", "val", "test")) -> None:
        self._table = {_video(row.get("FileName", "")): row for row in read_csv(Path(root) / VIDEOS)}
        self._phases = {
            video: phases_of(outlines) for video, outlines in read_tracings(Path(root) / TRACINGS).items() if len(outlines) > 1
        }
        super().__init__(root, splits=splits)

    def listed(self) -> Iterable[Listed]:
        """Both phases of every traced video; each video is of another person.

        Raises:
            ImageReadError: A video's split is unknown.
        """
        for video, row in self._table.items():
            if row.get("Split") not in PARTS:
                raise ImageReadError(f"{self.root / VIDEOS}: split of {video} is {row.get('Split')!r}")
            for frame in sorted(self._phases.get(video, {})):
                yield Listed(f"Videos/{video}#{frame}", video, PARTS[row["Split"]])

    def read(self, record: Record) -> Sample:
        """The frame with its ventricle."""
        video, _, number = record.stem.partition("#")
        if video not in self._table or not number.isdigit() or int(number) not in self._phases.get(video, {}):
            raise ImageReadError(f"{self.root / TRACINGS}: no outline of {record.stem}")
        pixels = read_video_frame(self.root / record.folder / f"{video}.avi", int(number))
        phase, outline = self._phases[video][int(number)]
        row, (column, name) = self._table[video], VOLUMES[phase]
        try:
            measurements = {name: float(row[column]), "ejection fraction": float(row["EF"])}
        except (KeyError, ValueError) as error:
            raise ImageReadError(f"{self.root / VIDEOS}: no usable row for {video} ({error})") from error
        mask = fill(outline, pixels.shape)
        if not mask.any():
            raise ImageReadError(f"{self.root / TRACINGS}: the outline of {record.stem} lies outside the frame")
        return self.sample(
            record,
            UltrasoundImage(pixels, name=record.key),
            structures=(Structure("left ventricle", masks=mask[None]),),
            attributes={"view": "apical four-chamber", "phase": phase},
            measurements=measurements,
        )


def read_tracings(path: Path) -> Mapping[str, Mapping[int, Float[np.ndarray, "k 2"]]]:
    """Outline xy in pixels of every traced frame of every video.

    Raises:
        ImageReadError: The file is missing, or a row is no line of a frame.
    """
    lines: dict[str, dict[int, list[list[float]]]] = {}
    for number, row in enumerate(read_csv(path), start=2):
        try:
            video, frame, line = _video(row["FileName"]), int(row["Frame"]), [float(row[column]) for column in LINE]
        except (KeyError, TypeError, ValueError) as error:
            raise ImageReadError(f"{path}, line {number}: columns FileName, {', '.join(LINE)}, Frame are wanted") from error
        lines.setdefault(video, {}).setdefault(frame, []).append(line)
    return {video: {frame: outline_of(np.array(chords)) for frame, chords in frames.items()} for video, frames in lines.items()}


def outline_of(lines: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "k 2"]:
    """Polygon xy around the chords, rows (x1, y1, x2, y2) of which the first is the long axis."""
    return np.concatenate([lines[1:, :2], lines[:0:-1, 2:]])


def phases_of(outlines: Mapping[int, Float[np.ndarray, "k 2"]]) -> Mapping[int, tuple[str, Float[np.ndarray, "k 2"]]]:
    """Phase and outline of the frame with the largest and of the one with the smallest area."""
    areas = {frame: abs(float(cv2.contourArea(outline.astype(np.float32)))) for frame, outline in outlines.items()}
    order = sorted(areas, key=lambda frame: areas[frame])
    return {order[0]: ("end-systole", outlines[order[0]]), order[-1]: ("end-diastole", outlines[order[-1]])}


def fill(outline: Float[np.ndarray, "k 2"], shape: tuple[int, ...]) -> Bool[np.ndarray, "h w"]:
    """Pixels inside the outline and on it, its corners rounded to whole pixels as in the authors' code."""
    canvas = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(canvas, [np.rint(outline).astype(np.int32)], 1)
    return canvas > 0


def read_video_frame(path: Path, number: int) -> UInt8[np.ndarray, "h w"]:
    """Grey pixels of a frame, counted from zero by going through the video: seeking is not exact in every codec.

    Raises:
        ImageReadError: The file is missing, no video, or has fewer frames.
    """
    if not path.is_file():
        raise ImageReadError(f"{path.with_suffix('')}#{number}: there is no {path.name}")
    capture = cv2.VideoCapture(str(path))
    try:
        passed = all(capture.grab() for _ in range(number))
        frame = capture.read()[1] if passed else None
    finally:
        capture.release()
    if frame is None:
        raise ImageReadError(f"{path}: has no frame {number}, or is no video")
    return cast(UInt8[np.ndarray, "h w"], cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))


def _video(name: str) -> str:
    return name.strip().removesuffix(".avi")
