"""Which pages does the campaigns package give to admin?"""
