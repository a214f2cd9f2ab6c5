"""Short names that stay different."""

import pytest

from analytics_pipeline.report.names import FSI, PDI, shortened


def test_names_that_differ_at_the_end_alone_stay_different() -> None:
    labels = [
        f"Introduction to Cloud Computing {section}" for section in ("A", "B", "for Engineers")
    ]
    short = shortened([*labels, "Databases"], 20)
    assert short == [
        "Introducti…mputing A",
        "Introducti…mputing B",
        "Introducti…Engineers",
        "Databases",
    ]


def test_names_that_differ_in_the_middle_alone_are_numbered() -> None:
    labels = [f"Introduction to cloud {room} computing for engineers" for room in ("A", "B")]
    assert shortened(labels, 20) == ["Introducti…engineers #1", "Introducti…engineers #2"]
    assert len(set(shortened([*labels, "Introducti…engineers #1"], 30))) == 3


def test_an_id_in_brackets_is_kept() -> None:
    short = shortened(
        ["Introduction to Cloud Computing (45001)", "Introduction to Cloud Computing (45002)"], 20
    )
    assert all(name.endswith(f"(4500{number})") for number, name in enumerate(short, 1))
    assert len(set(short)) == 2


@pytest.mark.parametrize("most", [8, 12, 20])
def test_an_isolated_name_stays_isolated(most: int) -> None:
    (short,) = shortened([f"{FSI}{'א' * 60}{PDI} (45001)"], most)
    assert short.startswith(FSI) and short.endswith(f"{PDI} (45001)")
    assert short.count(FSI) == short.count(PDI) == 1
