"""A client of the Vocareum API with a known token, and its errors, which never show it."""

import traceback

import pytest
from pydantic import SecretStr

from analytics_pipeline.vocareum.api import VocareumApi
from analytics_pipeline.vocareum.errors import VocareumError

TOKEN = "s3cr3t-t0ken"
GOOD = b'{"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S", "AWS_SESSION_TOKEN": "T"}'


def client(url: str, budget: float = 5, timeout: float = 1) -> VocareumApi:
    return VocareumApi(url, SecretStr(TOKEN), budget=budget, timeout=timeout)


def failure(api: VocareumApi, org_id: str = "9001") -> VocareumError:
    """Return the error of the call, after checking that no output about it holds the token."""
    with pytest.raises(VocareumError) as caught:
        api.s3_credentials(org_id)
    chain, error = [], caught.value
    while error is not None:
        chain += [repr(error), str(error)]
        error = error.__cause__ or error.__context__
    printed = "\n".join(chain + traceback.format_exception(caught.value))
    assert TOKEN not in printed
    return caught.value
