"""(Image, words) to tensors, and model outputs back to source pixels."""
