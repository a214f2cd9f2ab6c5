"""Whom the API lets in: tokens, their scope, and the organisation."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.errors import ApiRefused, AuthenticationError
from analytics_pipeline_tests.support.api_client import client, failure


def test_the_right_token_gets_credentials_for_the_time_the_api_says(
    demo: DemoVocareum, api: VocareumApi
):
    demo.api.shape = "sts"
    demo.lifetime = timedelta(minutes=17)
    before = datetime.now(UTC).replace(microsecond=0)
    found = api.s3_credentials(demo.org_id)
    assert found.access_key_id.startswith("ASIA")
    assert before <= found.expires_at - demo.lifetime <= datetime.now(UTC)
    assert len(demo.requests) == 1


def test_a_missing_token_is_reported_before_anything_is_sent():
    with pytest.raises(AuthenticationError, match=r"VOCAREUM_API_TOKEN") as caught:
        VocareumApi("https://api.vocareum.com/api/v2", SecretStr(" "))
    assert "Org Admin" in caught.value.remedy
    assert "s3_labs" in caught.value.remedy


@pytest.mark.parametrize("token", ["abc\ndef-secret", "abc def-secret", "sécret-def-secret"])
def test_a_token_that_cannot_be_a_header_is_refused_without_showing_it(token):
    with pytest.raises(AuthenticationError) as caught:
        VocareumApi("https://api.vocareum.com/api/v2", SecretStr(token))
    assert "def-secret" not in str(caught.value)


def test_blanks_around_a_pasted_token_do_no_harm(demo: DemoVocareum):
    api = VocareumApi(demo.environment["VOCAREUM_API_URL"] + "/", SecretStr(f" {demo.token}\n"))
    assert api.s3_credentials(demo.org_id)


def test_a_wrong_token_is_a_400_that_is_not_retried_and_says_who_can_help(demo: DemoVocareum):
    error = failure(client(demo.environment["VOCAREUM_API_URL"]))
    assert isinstance(error, AuthenticationError)
    assert "Invalid Token" in error.message
    assert "VOCAREUM_API_TOKEN" in error.remedy
    assert demo.count("API") == 1


def test_a_token_without_the_scope_is_reported_with_the_vendors_message(demo: DemoVocareum):
    api = VocareumApi(demo.environment["VOCAREUM_API_URL"], SecretStr(demo.api.token_without_scope))
    with pytest.raises(AuthenticationError, match=r"permission denied.*s3_labs"):
        api.s3_credentials(demo.org_id)
    assert demo.count("API") == 1


def test_another_organisation_is_refused_with_the_variable_to_check(
    demo: DemoVocareum, api: VocareumApi
):
    error = failure(api, "1234")
    assert isinstance(error, ApiRefused)
    assert "VOCAREUM_ORG_ID" in error.remedy


@pytest.mark.parametrize("org_id", ["", "../admin", "9001/x", "9001?x=1"])
def test_an_organisation_id_cannot_change_the_path(
    demo: DemoVocareum, api: VocareumApi, org_id: str
):
    assert isinstance(failure(api, org_id), ApiRefused)
    assert demo.requests == []
