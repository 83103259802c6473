"""Public data sets: from each one's official folder layout to `Sample`s."""
