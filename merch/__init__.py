"""What does this person see now? Releases, the decision engine, subject records and the doors for machines."""
