"""The ``umind`` command."""
