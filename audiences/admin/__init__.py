"""Which pages does the audiences package give to admin?"""
