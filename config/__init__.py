"""How do the parts plug together? (Wiring only: no rule of the product lives here.)"""
