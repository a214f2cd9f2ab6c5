"""The checks of the raw assets: of their rows, of what is delivered, and of how complete it is."""
