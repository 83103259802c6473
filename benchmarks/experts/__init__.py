"""Dense against mixture of experts on real text: two models that differ in nothing but the choice among experts."""
