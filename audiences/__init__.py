"""What do we know about people? Traits, events, audiences, suppressions; nothing here knows an offer."""
