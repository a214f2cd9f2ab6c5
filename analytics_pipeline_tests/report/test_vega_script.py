"""The page's libraries are bundled once per release, and kept in the data folder."""

from pathlib import Path

import pytest
from pytest import MonkeyPatch

from analytics_pipeline.report import vega
from analytics_pipeline.report.vega import vega_script


@pytest.fixture
def bundled(monkeypatch: MonkeyPatch) -> list[str]:
    """Bundle a short script, and return each one."""
    made: list[str] = []

    def bundle() -> str:
        made.append(f"script {len(made)} ü")
        return made[-1]

    monkeypatch.setattr(vega, "_bundle", bundle)
    return made


def _script(folder: Path | None) -> str:
    vega_script.cache_clear()  # as in another process
    return str(vega_script(folder))


def test_a_script_is_bundled_once(tmp_path: Path, bundled: list[str]) -> None:
    cache = tmp_path / "cache"
    assert [_script(cache), _script(cache)] == ["script 0 ü", "script 0 ü"]
    [kept] = cache.iterdir()
    assert (kept.stat().st_mode & 0o777, cache.stat().st_mode & 0o777) == (0o600, 0o700)
    assert len(bundled) == 1


@pytest.mark.parametrize("content", [b"", b"script", b"script 0 \xff"])
def test_a_damaged_script_is_bundled_again_and_replaced(
    tmp_path: Path, bundled: list[str], content: bytes
) -> None:
    cache = tmp_path / "cache"
    _script(cache)
    [kept] = cache.iterdir()
    kept.write_bytes(content)
    assert [_script(cache), _script(cache)] == ["script 1 ü", "script 1 ü"]
    assert len(list(cache.iterdir())) == 1


def test_another_release_bundles_again_and_leaves_no_old_file(
    tmp_path: Path, bundled: list[str], monkeypatch: MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    _script(cache)
    monkeypatch.setattr(vega, "_release", lambda: "2.0")
    assert _script(cache) == "script 1 ü"
    assert [path.name.split("-")[1] for path in cache.iterdir()] == ["2.0"]


def test_nothing_is_kept_without_a_data_folder_or_where_it_can_not_be_written(
    tmp_path: Path, bundled: list[str]
) -> None:
    assert _script(None) == "script 0 ü"
    assert _script(tmp_path / "none" / "cache") == "script 1 ü"
    assert not (tmp_path / "none").exists()
    (tmp_path / "cache").write_text("a file, not a folder")
    assert _script(tmp_path / "cache") == "script 2 ü"
