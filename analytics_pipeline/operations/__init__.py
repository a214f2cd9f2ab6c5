"""Operations on the whole warehouse, without Dagster: load, erase, close, move, check, document."""
