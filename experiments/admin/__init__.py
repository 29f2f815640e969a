"""Which pages does the experiments package give to admin?"""
