"""Video: MP4, MOV, AVI, Matroska and WebM, decoded frame by frame through FFmpeg (PyAV)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import av
from av.container import InputContainer

from umind.geometry.spacing import Spacing
from umind.io import limits
from umind.io.limits import naming, refuse_size
from umind.schema.image import Clip, UltrasoundImage

MAX_FRAMES = 2**17
"""Longest video that is read: an hour at 36 frames a second."""
NO_SCALE = "video carries no scale"
MOV, AVI, MATROSKA = "mov", "avi", "matroska"
MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
"""What a file of the QuickTime family begins with."""


@dataclass(frozen=True)
class FrameIndex:
    """Where the frames of a video are.

    Args:
        times: Presentation time of each frame in the stream's unit; empty where the container's times cannot be relied on.
        keys: Times of the frames that decoding can start from.
        num_frames: How many frames there are.
        rate: Frames per second; None when unknown.
        notes: What contradicts the scale of a picture.
    """

    times: tuple[int, ...]
    keys: tuple[int, ...]
    num_frames: int
    rate: float | None
    notes: tuple[str, ...]


def video_format(start: bytes) -> str | None:
    """FFmpeg's name of the container that a file begins with; None when it is no video.

    Only these demuxers are ever opened: others follow addresses that a file names.
    """
    if start[:4] == b"RIFF" and start[8:11] == b"AVI":
        return AVI
    if start[:4] == b"\x1aE\xdf\xa3":
        return MATROSKA
    return MOV if start[4:8] in MOV_ATOMS else None


def read_video(path: Path, kind: str, *, spacing: Spacing | None = None) -> Clip:
    """Read a video as a `Clip` that decodes each frame when it is asked for.

    Args:
        path: File.
        kind: Container, from `video_format`.
        spacing: Millimetres per pixel.

    Raises:
        ImageReadError: No picture in it, cut off before its index, too large, or too long.
    """
    with naming(path.name):
        index = index_of(path, kind)
        frames = VideoFrames(path.resolve(), kind, index, spacing)
    return Clip(frames, num_frames=index.num_frames, frame_rate=index.rate, name=path.name)


def open_video(path: Path, kind: str) -> InputContainer:
    """Open a container; a picture of more pixels than are read makes its decoder fail.

    Raises:
        ValueError: There is no video in it.
    """
    container = av.open(str(path), format=kind, options={"max_pixels": str(limits.MAX_PIXELS)}, metadata_errors="replace")
    if not container.streams.video:
        container.close()
        raise ValueError("holds no video stream")
    return container


def index_of(path: Path, kind: str) -> FrameIndex:
    """Go through a video's packets without decoding them.

    AVI holds no presentation times, so that its frames can only be counted.

    Raises:
        ValueError: No frames, or too many.
    """
    with open_video(path, kind) as container:
        stream = container.streams.video[0]
        refuse_size(path.name, stream.height, stream.width)
        packets = []
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                packets.append((packet.pts, packet.is_keyframe))
            if len(packets) > MAX_FRAMES:
                raise ValueError(f"a video of more than {MAX_FRAMES:,} frames")
        aspect = stream.sample_aspect_ratio
        rate = stream.average_rate
    if not packets:
        raise ValueError("a video without frames")
    notes = (f"a pixel is shown {float(aspect):.4g} times as wide as high",) if aspect and aspect != 1 else ()
    times = sorted({time for time, _ in packets if time is not None})
    known = kind != AVI and len(times) == len(packets)
    keys = sorted(time for time, key in packets if key and time is not None) if known else []
    return FrameIndex(tuple(times) if known else (), tuple(keys), len(packets), float(rate) if rate else None, notes)


class VideoFrames:
    """Frame number to image; the file is opened at the first call.

    Going forward decodes on; a jump starts from the last key frame before it, or from the first frame where times are unknown.
    Frame i is the same picture however it is reached.

    Args:
        path: File.
        kind: Its container.
        index: Its frames.
        spacing: Millimetres per pixel.
    """

    def __init__(self, path: Path, kind: str, index: FrameIndex, spacing: Spacing | None = None) -> None:
        self.path = path
        self.kind = kind
        self.index = index
        self.spacing = spacing
        self._container: InputContainer | None = None
        self._decoded: Iterator[tuple[int, av.VideoFrame]] = iter(())
        self._next = 0
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "kind": self.kind, "index": self.index, "spacing": self.spacing}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __del__(self) -> None:
        self._close()

    def __call__(self, index: int) -> UltrasoundImage:
        """One frame.

        Raises:
            ImageReadError: The file is gone, or the frame cannot be decoded.
        """
        name = f"{self.path.name}#{index}"
        with self._lock, naming(name):
            try:
                pixels = self._frame(index).to_ndarray(format="rgb24")
            except BaseException:
                self._close()
                raise
        notes = self.index.notes if self.spacing else (NO_SCALE, *self.index.notes)
        return UltrasoundImage(pixels, spacing=self.spacing, notes=notes, name=name)

    def _frame(self, wanted: int) -> av.VideoFrame:
        """Decode up to a frame."""
        if self._container is None or wanted < self._next or self._key_before(wanted) > self._next:
            self._start(wanted)
        for number, frame in self._decoded:
            self._next = number + 1
            if number == wanted:
                refuse_size(self.path.name, frame.height, frame.width)
                return frame
            if number > wanted:
                break
        raise ValueError("the frame cannot be decoded")

    def _key_before(self, wanted: int) -> int:
        """Number of the last frame up to the wanted one that decoding can start from."""
        if not self.index.keys:
            return 0
        time = self.index.times[wanted]
        key = self.index.keys[max(bisect_right(self.index.keys, time) - 1, 0)]
        return bisect_left(self.index.times, key)

    def _start(self, wanted: int) -> None:
        """Make the next decoded frame one that is not after the wanted one."""
        self._close()
        self._container = open_video(self.path, self.kind)
        stream = self._container.streams.video[0]
        key = self._key_before(wanted)
        if key > 0:
            self._container.seek(self.index.times[key], stream=stream)
        self._decoded = self._numbered(self._container)
        self._next = 0

    def _numbered(self, container: InputContainer) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decoded frames with their numbers, by time where times are known, else by counting from the first."""
        for count, frame in enumerate(container.decode(container.streams.video[0])):
            if not self.index.times:
                yield count, frame
            elif frame.pts is not None:
                yield bisect_left(self.index.times, frame.pts), frame

    def _close(self) -> None:
        """Let the file go."""
        if self._container is not None:
            self._container.close()
            self._container = None
