"""What is learnt and how: objective, Lightning module, callbacks."""
