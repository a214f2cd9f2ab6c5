"""From delivered files to typed, judged rows: plan, read, validate. Nothing here writes to the warehouse."""
