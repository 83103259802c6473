"""Thin scripts over `umind.evaluation`, and the results they wrote."""
