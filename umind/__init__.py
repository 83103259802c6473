"""Ultrasound perception and reasoning in one forward pass."""
