"""Suites that predict through the public verbs and then score; a case that got no answer is counted, never dropped."""
