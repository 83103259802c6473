"""Verbs for people: how each asks the model, and how an output becomes its result."""
