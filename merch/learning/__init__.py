"""What works where, learned from what was shown and what came of it."""
