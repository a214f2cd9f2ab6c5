"""A simulated organisation: what it delivers, and the servers that deliver it. Imported by the demo command and tests alone."""
