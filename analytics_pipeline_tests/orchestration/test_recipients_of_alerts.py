"""Recipients of the sensor `alerts`: one that refuses, an address that is refused, and none."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.notifier import NotSent
from analytics_pipeline_tests.orchestration.conftest import StartPipeline, lab_sessions
from analytics_pipeline_tests.support.today import TODAY
from analytics_pipeline_tests.support.webhook import Webhook, running_webhook

BAD = b"<html>502 Bad Gateway</html>"
DAY = f"{TODAY - timedelta(days=2)}"


@pytest.fixture
def other() -> Iterator[Webhook]:
    """Serve another recipient."""
    with running_webhook() as hook:
        yield hook


def test_a_failing_webhook_is_retried_and_its_address_is_never_shown(
    start_pipeline: StartPipeline, vocareum: DemoVocareum, webhook: Webhook
) -> None:
    pipeline = start_pipeline(ALERT_WEBHOOK_URL=webhook.url)
    vocareum.put(lab_sessions(DAY)[0], BAD)
    pipeline.tick_and_run()
    webhook.status = 500
    with pytest.raises(NotSent) as refused:
        pipeline.tick("alerts")
    assert "answered 500" in str(refused.value) and "s3cr3t" not in str(refused.value)
    webhook.status = 200
    pipeline.tick("alerts")
    assert len(webhook.texts) == 1


def test_a_recipient_that_refuses_gets_the_messages_later_and_the_others_get_them_once(
    start_pipeline: StartPipeline, vocareum: DemoVocareum, webhook: Webhook, other: Webhook
) -> None:
    pipeline = start_pipeline(
        ALERT_WEBHOOK_URL=webhook.url, ALERT_URLS=other.url.replace("http:", "json:")
    )
    vocareum.put(lab_sessions(DAY)[0], BAD)
    pipeline.tick_and_run()
    other.status = 500
    said = pipeline.tick("alerts").skip_reason.skip_message
    assert "JSON answered 500. Check ALERT_URLS." in said, "the other one's state is stored"
    for _ in range(2):
        with pytest.raises(NotSent, match=r"JSON answered 500\. Check ALERT_URLS\."):
            pipeline.tick("alerts")
    assert (len(webhook.texts), other.texts) == (1, [])
    other.status = 200
    pipeline.tick("alerts")
    pipeline.tick("alerts")
    assert other.texts == webhook.texts and len(webhook.texts) == 1
    other.status = 500
    vocareum.put(*lab_sessions(DAY))
    pipeline.clock.move(minutes=16)
    pipeline.tick_and_load()
    pipeline.tick("alerts")
    other.status = 200
    pipeline.tick("alerts")
    assert other.texts == webhook.texts and ":white_check_mark:" in other.texts[1]


def test_an_address_without_encryption_elsewhere_is_refused(
    start_pipeline: StartPipeline, vocareum: DemoVocareum
) -> None:
    pipeline = start_pipeline(ALERT_WEBHOOK_URL="http://hooks.example.org/s3cr3t")
    vocareum.put(lab_sessions(DAY)[0], BAD)
    pipeline.tick_and_run()
    with pytest.raises(NotSent) as refused:
        pipeline.tick("alerts")
    reason = str(refused.value)
    assert "https://" in reason and "hooks.example.org" not in reason


def test_a_missing_webhook_is_reported(start_pipeline: StartPipeline) -> None:
    assert (
        "Neither ALERT_URLS nor ALERT_WEBHOOK_URL is set"
        in start_pipeline(ALERT_WEBHOOK_URL="").tick("alerts").skip_reason.skip_message
    )
