"""How does approved configuration become what every process serves, and how does it go back?"""
