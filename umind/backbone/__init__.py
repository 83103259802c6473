"""Tensors to hidden states and pixel features."""
