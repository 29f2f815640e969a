"""What do we want to show? Markets, plans, offers, placements, creatives, campaigns and their approval."""
