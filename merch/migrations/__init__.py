"""How did the merch tables come to be?"""
