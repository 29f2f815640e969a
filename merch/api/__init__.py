"""Through which doors do machines come in? (The only package that speaks HTTP.)"""
