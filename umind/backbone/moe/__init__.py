"""A sparse block of experts beside the dense one, in every layer of a causal language model."""
