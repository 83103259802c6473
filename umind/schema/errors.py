"""Errors a user can meet and act on."""


class ImageReadError(ValueError):
    """A file or array could not be read as an image. The message names it and says why."""


class UncalibratedError(ValueError):
    """A length was asked for in a physical unit, but the image carries no spacing."""


class CheckpointError(ValueError):
    """A checkpoint does not fit the model. The message lists what is missing or extra."""


class MissingInputError(ValueError):
    """A measurement lacks an input. The message names it and says how to give it."""
