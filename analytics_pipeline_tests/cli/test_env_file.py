"""Which `.env` is loaded: another user's file must not decide where the token goes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics_pipeline.cli.env_file import read_env_file
from analytics_pipeline.env_file import settings_of
from analytics_pipeline.settings import load_settings
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.foreign_server import Elsewhere, serve_elsewhere


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with serve_elsewhere() as running:
        yield running


PLANTED = "t0ken-of-the-test"


def redirecting(folder: Path, elsewhere: Elsewhere, mode: int = 0o600) -> Path:
    """Write a `.env` that sends the token elsewhere."""
    path = folder / ".env"
    path.write_text(f"VOCAREUM_API_URL={elsewhere.url}\n")
    path.chmod(mode)
    return path


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the file another user's."""
    if os.geteuid() == 0:
        os.chown(path, 54_321, -1)
    else:
        somebody = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: somebody)


def test_a_file_in_a_folder_above_is_not_read(
    run: Run, elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redirecting(tmp_path, elsewhere)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    result = run("doctor", VOCAREUM_API_URL=None, VOCAREUM_API_TOKEN=None)
    assert "Settings loaded" not in result.output
    assert elsewhere.requests == []
    monkeypatch.chdir(tmp_path)
    result = run("doctor", VOCAREUM_API_URL=None, VOCAREUM_API_TOKEN=PLANTED)
    assert f"Settings loaded from {tmp_path / '.env'}." in result.stderr
    assert elsewhere.requests[0].startswith("GET /orgs/"), (
        "the file would have redirected the token"
    )


def test_a_file_of_another_user_is_refused(
    run: Run, elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_away(redirecting(tmp_path, elsewhere), monkeypatch)
    result = run("doctor", VOCAREUM_API_URL=None)
    assert (result.exit_code, elsewhere.requests) == (2, [])
    assert f"{tmp_path / '.env'} belongs to another user" in result.output


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(
    run: Run, elsewhere: Elsewhere, tmp_path: Path, mode: int
) -> None:
    path = redirecting(tmp_path, elsewhere, mode)
    result = run("doctor", VOCAREUM_API_URL=None)
    assert (result.exit_code, elsewhere.requests) == (2, [])
    assert f"can be written by other users (mode {mode:o})" in result.output
    assert f"chmod 600 {path}" in result.output


def test_a_link_of_another_user_is_refused(
    run: Run, elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes links of another user")
    (tmp_path / "mine").mkdir()
    (tmp_path / ".env").symlink_to(redirecting(tmp_path / "mine", elsewhere))
    os.chown(tmp_path / ".env", 54_321, -1, follow_symlinks=False)
    result = run("doctor", VOCAREUM_API_URL=None)
    assert (result.exit_code, elsewhere.requests) == (2, [])
    assert "belongs to another user" in result.output


def test_the_projects_file_is_read_if_the_working_folder_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, work = tmp_path / "project", tmp_path / "work"
    project.mkdir()
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("VOCAREUM_ORG_ID", raising=False)
    (project / ".env").write_text("VOCAREUM_ORG_ID=17\n")
    (project / ".env").chmod(0o600)
    assert read_env_file(project) is None, "a folder that is no checkout"
    (project / "pyproject.toml").touch()
    monkeypatch.setenv("VOCAREUM_ORG_ID", "")  # restored afterwards, whatever is loaded
    monkeypatch.delenv("VOCAREUM_ORG_ID")
    assert read_env_file(project) == project / ".env"
    assert os.environ["VOCAREUM_ORG_ID"] == "17"


def test_a_chosen_file_unsets_settings_of_the_environment_in_whatever_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("alert_urls", "slack://TokenA/TokenB/TokenC")
    monkeypatch.setenv("PUBLISH_PII", "true")
    (tmp_path / "other.env").write_text("VOCAREUM_ORG_ID=17\n")
    assert settings_of(tmp_path / "other.env").model_fields_set == {"org_id"}
    assert load_settings().model_fields_set >= {"alert_urls", "publish_pii"}, "restored afterwards"


@pytest.mark.parametrize(
    "line",
    ["VOCAREUM_ORG_ID", "export VOCAREUM_ORG_ID", "VOCAREUM_ORG_ID: 9001", "VOCAREUM_ORG_ID='9001"],
)
def test_a_line_that_sets_nothing_is_refused_with_its_number(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    (tmp_path / ".env").write_text(f"# Settings\n\nANALYTICS_LOG_FORMAT=text\n\n{line}\n")
    (tmp_path / ".env").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    result = run("status")
    assert result.exit_code == 2
    assert f"{tmp_path / '.env'}, line 5 is not a variable" in result.stderr
    assert "9001" not in result.stderr, "a line may hold a secret"
