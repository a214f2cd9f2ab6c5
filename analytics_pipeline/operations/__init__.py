"""What is done to the warehouse as a whole, without Dagster: load files, erase a person, write the dictionary."""
