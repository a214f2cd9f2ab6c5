"""From the bytes of a CSV file to typed rows, each with its line."""
