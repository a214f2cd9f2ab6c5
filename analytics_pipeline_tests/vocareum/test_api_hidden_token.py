"""No error and no log shows the API token, however the vendor repeats it."""

import logging
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.vocareum import api as api_module
from analytics_pipeline.vocareum import redaction
from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.errors import ApiRefused, VocareumError
from analytics_pipeline.vocareum.redaction import register
from analytics_pipeline_tests.support.api_client import TOKEN, client, failure
from analytics_pipeline_tests.support.faulty_responses import answer


@pytest.mark.parametrize("status", [200, 400, 404])
def test_a_token_that_the_vendor_repeats_is_not_passed_on(serve, status):
    body = f'{{"status": "error", "message": "Invalid Token {TOKEN}"}}'.encode()
    error = failure(client(serve(lambda handler: answer(handler, body, status))))
    assert "[hidden]" in error.message


def test_the_token_is_not_logged(
    demo: DemoVocareum, api: VocareumApi, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "httpx")  # the webhook's module silences it
    api.s3_credentials(demo.org_id)
    assert "/orgs/9001/s3_labs" in caplog.text
    assert demo.token not in caplog.text


SLASHED = "s3cr3t/t0ken+of=an/admin"


@pytest.mark.parametrize("status", [200, 400, 404])
@pytest.mark.parametrize(
    "spelling",
    [
        SLASHED,
        SLASHED.replace("/", "\\/"),
        "".join(f"\\u{ord(letter):04x}" for letter in SLASHED),
        quote(SLASHED, safe=""),
        SLASHED.replace("/", "\\\\/"),
    ],
)
def test_a_token_is_hidden_after_decoding_however_it_is_spelled(serve, status: int, spelling: str):
    body = f'{{"status": "error", "message": "Invalid Token {spelling}"}}'.encode()
    api = VocareumApi(
        serve(lambda handler: answer(handler, body, status)), SecretStr(SLASHED), budget=5
    )
    with pytest.raises(VocareumError) as caught:
        api.s3_credentials("9001")
    assert "[hidden]" in caught.value.message
    assert "t0ken" not in repr(caught.value) + str(caught.value.__context__)


def test_every_error_hides_a_registered_secret_whoever_wrote_its_text(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(redaction, "_secrets", {})
    register("registered-secret")
    error = ApiRefused("You sent registered-secret.", "Do not send registered-secret.")
    assert (error.message, error.remedy) == ("You sent [hidden].", "Do not send [hidden].")
    assert "registered" not in repr(error) + str(error)


def test_a_token_at_the_end_of_a_truncated_body_is_hidden(serve):
    said = b"Nothing is known of"
    blanks = b" " * (api_module._MAX_ERROR_BODY - len(said) - len(TOKEN) + 3)
    body = said + blanks + TOKEN.encode() + b" " * 100
    error = failure(client(serve(lambda handler: answer(handler, body, 404))))
    assert said.decode() in error.message, "the body is shown"
    assert TOKEN[:5] not in str(error)
