"""Operations on the whole warehouse, without Dagster: load, erase, check, document."""
