"""Boxes of instances."""
