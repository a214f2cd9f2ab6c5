"""Operations on the whole warehouse, without Dagster: load files, erase a person, write the
dictionary.
"""
