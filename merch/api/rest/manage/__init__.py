"""What may a person's own tools read of the catalogue, campaigns and releases? (Read-only, as that person.)"""
