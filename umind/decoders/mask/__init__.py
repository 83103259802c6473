"""Instance masks by dynamic convolution."""
