"""Videos made here with PyAV: what is read is what was drawn, in whichever order frames are asked for."""

from __future__ import annotations

import gc
import pickle
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umind.io import limits, read, video
from umind.schema.errors import ImageReadError
from umind.schema.image import Clip

NUM = 30
KINDS = {
    "mpeg4.mp4": ("mpeg4", "yuv420p", {"bf": "2", "g": "7"}),
    "h264.mp4": ("libx264", "yuv420p", {"bf": "2", "g": "7"}),
    "h264.mov": ("libx264", "yuv420p", {"g": "7"}),
    "h264.mkv": ("libx264", "yuv420p", {"bf": "3", "g": "9"}),
    "h264.avi": ("libx264", "yuv420p", {"bf": "2", "g": "7"}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {"bf": "2", "g": "7"}),
    "mjpeg.avi": ("mjpeg", "yuvj420p", {}),
    "raw.avi": ("rawvideo", "rgb24", {}),
    "ffv1.mkv": ("ffv1", "yuv420p", {}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {}),
}


def draw(path: Path, kind: str = "h264.mp4", *, num: int = NUM, size: tuple[int, int] = (48, 64)) -> Path:
    """A video whose frame i is of grey 8 i."""
    codec, colours, options = KINDS[kind]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = size
        stream.pix_fmt = colours
        for level in range(num):
            frame = av.VideoFrame.from_ndarray(np.full((*size, 3), 8 * level, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module", params=list(KINDS))
def drawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("video") / request.param, request.param)


def test_every_frame_in_order(drawn: Path) -> None:
    clip = read(drawn, spacing=0.2)
    assert isinstance(clip, Clip)
    assert (len(clip), clip.frame_rate, clip.name) == (NUM, pytest.approx(25), drawn.name)
    levels = [int(image.pixels[20, 30, 1]) for image in clip]
    np.testing.assert_allclose(levels, np.arange(NUM) * 8, atol=6)
    assert (clip[3].spacing.dx, clip[3].calibration, clip[3].name) == (0.2, "user", f"{drawn.name}#3")
    assert clip[0].pixels.shape == (48, 64, 3)


def test_any_order_gives_the_same_frames(drawn: Path) -> None:
    wanted = [image.pixels for image in read(drawn)]
    clip = pickle.loads(pickle.dumps(read(drawn)))

    @settings(max_examples=4)
    @given(order=st.lists(st.integers(-NUM, NUM - 1), min_size=1, max_size=8))
    def jump(order: list[int]) -> None:
        for index in order:
            np.testing.assert_array_equal(clip[index].pixels, wanted[index])

    jump()


def test_a_jump_decodes_from_the_key_frame(tmp_path: Path) -> None:
    clip = read(draw(tmp_path / "a.mp4"))
    frames = clip.frame
    assert isinstance(frames, video.VideoFrames)
    assert frames.index.keys
    clip[25]
    assert next(frames._decoded)[0] == 26
    frames._start(25)
    assert next(frames._decoded)[0] >= 18  # a key frame at least every seventh


def test_scale_is_the_callers(tmp_path: Path) -> None:
    image = read(draw(tmp_path / "a.mp4"))[0]
    assert (image.spacing, image.calibration, image.notes) == (None, "none", ("video carries no scale",))


def test_wide_pixels_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    assert any("1.333 times as wide" in note for note in read(path)[0].notes)


def test_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = draw(tmp_path / "a.mp4")
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[:1500])
    with pytest.raises(ImageReadError, match=r"cut\.mp4"):
        read(tmp_path / "cut.mp4")
    monkeypatch.setattr(video, "MAX_FRAMES", 20)
    with pytest.raises(ImageReadError, match=r"a\.mp4: a video of more than 20 frames"):
        read(whole)
    monkeypatch.setattr(video, "MAX_FRAMES", 100)
    monkeypatch.setattr(limits, "MAX_PIXELS", 1000)
    with pytest.raises(ImageReadError, match=r"a\.mp4"):
        read(whole)


def test_a_video_without_pictures(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(ImageReadError, match=r"sound\.mp4: holds no video stream"):
        read(path)


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.mp4")
    clip = read(path)
    path.unlink()
    with pytest.raises(ImageReadError, match=r"a\.mp4#2"):
        clip[2]
    del clip
    gc.collect()
