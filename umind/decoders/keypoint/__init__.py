"""Named points by dynamic convolution."""
