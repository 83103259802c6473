"""Result and truth in, score out: plain NumPy in source pixels and millimetres, and running states over them."""
