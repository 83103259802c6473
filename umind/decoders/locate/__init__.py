"""Where the instances of a phrase are: a centre map and an extent map for each region token."""
