"""The bar's data as TOML: the catalog of bottles, what may stand in for what, and the drinks.

All quantities are facts of the classic recipes, in milliliters where they are poured.
"""
