"""Hidden state of a task token to output; each head stands beside the loss that trains it."""
