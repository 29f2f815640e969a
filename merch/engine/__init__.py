"""Given this configuration, this person and this moment: what is shown?"""
