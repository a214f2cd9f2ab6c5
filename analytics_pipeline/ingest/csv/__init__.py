"""Read CSV files into typed rows with line numbers."""
