"""Whether the phrase is in the image at all."""
