"""Lengths of a region: what its mask shows of them, how far that is off, and how surely."""
