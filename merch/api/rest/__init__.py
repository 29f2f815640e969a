"""Which addresses do machines call over HTTP, and what stands before each of them?"""
