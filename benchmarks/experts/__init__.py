"""Dense against mixture of experts on real text: models that differ in nothing but the choice among experts."""
