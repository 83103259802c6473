"""Files, arrays and tensors in: every kind of picture becomes an `UltrasoundImage` or a lazily decoded `Clip`."""

from umind.io.read import ImageSource, as_image, read

__all__ = ["ImageSource", "as_image", "read"]
