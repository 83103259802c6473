"""Leave one region out: what a model makes of an organ that it has never seen, beside one that was trained alike with it."""
