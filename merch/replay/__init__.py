"""What would be decided otherwise, for how many, and what can never win?"""
