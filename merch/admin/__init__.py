"""Which pages does the merch package give to admin?"""
