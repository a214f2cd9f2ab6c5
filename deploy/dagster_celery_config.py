"""Celery's settings of a worker; dagster-celery imports this module by its name."""

import os

broker_url = os.environ["DAGSTER_CELERY_BROKER"]
result_backend = os.environ["DAGSTER_CELERY_BACKEND"]
broker_transport_options = {"visibility_timeout": 10_800}  # as in dagster.yaml
worker_prefetch_multiplier = 1
worker_disable_prefetch = True  # a worker that is busy reserves no run that another one could take
