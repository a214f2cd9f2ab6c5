"""Remove people from a batch before it is written. `ingest/erase.py` has the rules for texts."""

import polars as pl

from analytics_pipeline.datasets import Dataset, Person
from analytics_pipeline.ingest.batch import Batch
from analytics_pipeline.ingest.csv.typing_query import EXTRA, FILE
from analytics_pipeline.ingest.erase import extra_without, text_without, texts_of_others
from analytics_pipeline.ingest.people import People


def erase_in_batch(batch: Batch, people: People) -> None:
    """Remove the people from a batch: their records, and their traces in other records.

    Counts the removed records in the results of their files.
    """
    if not people:
        return
    if batch.dataset.is_about_people and batch.rows.height:
        people = _remove_rows(batch, people)
    people = people.recognising("\n".join(batch.rejects["raw"].drop_nulls()))
    if batch.rows.height:
        batch.rows = _without_mentions(batch.rows, batch.dataset, people)
    if batch.dataset.is_about_people:
        _remove_rejects(batch, people)
    else:
        batch.rejects = _without_emails(batch.rejects, "raw", batch.dataset, people)


def _remove_rows(batch: Batch, people: People) -> People:
    """Remove the people's rows and mentions; return the people with the rows' addresses added."""
    ids = list(people.ids)
    subjects = batch.dataset.columns_of(Person.SUBJECT)
    about_them = batch.rows.select(pl.any_horizontal(pl.col(subjects).is_in(ids))).to_series()
    for name in batch.dataset.columns_of(Person.ADDRESS):
        people = people.with_addresses(batch.rows.filter(about_them)[name])
    for index, count in batch.rows.filter(about_them)[FILE].value_counts().iter_rows():
        batch.files[index].rows -= count
        batch.files[index].erased += count
    others = [pl.col(name) for name in batch.dataset.columns_of(Person.MENTION)]
    batch.rows = batch.rows.filter(~about_them).with_columns(
        pl.when(~cell.is_in(ids)).then(cell) for cell in others
    )
    return people


def _remove_rejects(batch: Batch, people: People) -> None:
    about_them = pl.Series(
        [people.in_text(raw or "") for raw in batch.rejects["raw"]], dtype=pl.Boolean
    )
    for index, count in batch.rejects.filter(about_them)[FILE].value_counts().iter_rows():
        if batch.files[index].failure is None:
            batch.files[index].rejects -= count
            batch.files[index].erased += count
    batch.rejects = batch.rejects.filter(~about_them)


def _without_mentions(rows: pl.DataFrame, dataset: Dataset, people: People) -> pl.DataFrame:
    """Replace the people's emails in other people's texts, and remove their ids from EXTRA."""
    for name in texts_of_others(dataset):
        rows = _without_emails(rows, name, dataset, people)
    extras = rows[EXTRA].drop_nulls().unique().to_list()
    without = {text: extra_without(text, dataset, people) for text in extras}
    if changes := {text: new for text, new in without.items() if new != text}:
        values = pl.Series(EXTRA, [changes.get(text, text) for text in rows[EXTRA]], pl.String)
        rows = rows.with_columns(values)
    return rows


def _without_emails(
    rows: pl.DataFrame, name: str, dataset: Dataset, people: People
) -> pl.DataFrame:
    """Replace the people's emails in a column."""
    texts = rows[name].filter(rows[name].str.contains("@", literal=True)).unique().to_list()
    known = people.recognising("\n".join(texts))
    changes = {text: new for text in texts if (new := text_without(text, dataset, known)) != text}
    return rows.with_columns(pl.col(name).replace(changes)) if changes else rows
