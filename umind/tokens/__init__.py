"""The words of the model: task tokens, tokenizer, block template, and where task tokens stand in a sequence."""
