"""What is in the demo? A made-up music service, Tonika, with a catalogue, campaigns and listeners that never were."""
