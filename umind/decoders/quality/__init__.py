"""How far an instance can be trusted."""
