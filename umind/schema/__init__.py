"""The nouns that cross floors: images, results, labelled samples, and the errors a user can meet."""
