"""Looking at data before training on it: faults, twins, statistics, and a manifest with checksums."""
