"""Turn delivered files into typed, validated rows: plan, read, validate.

Writes nothing to the warehouse.
"""
