"""Peers: what umind-tiny is compared with. One specialist network for each organ, and the plainest ways to make words."""
