"""Data sets, the phantom, and the stream of questions that training draws from them."""
