"""Poolwise's own Celery processes start without the options of the user's shell."""

from __future__ import annotations

import click
import pytest
from celery.bin.celery import celery
from celery.bin.worker import worker

from cluster.celery_variables import celery_variables

URL = "redis://127.0.0.1:1/0"
OURS = {"CELERY_BROKER_URL": URL, "CELERY_RESULT_BACKEND": URL}
#: What only changes how Celery's output looks, or concerns Django.
HARMLESS = {"no_color", "quiet", "skip_checks"}


def test_the_given_broker_takes_precedence_over_that_of_the_shell() -> None:
    shell = {"CELERY_BROKER_URL": "redis://elsewhere/0", "PATH": "/bin"}
    assert celery_variables(URL, shell) == OURS


@pytest.mark.parametrize(
    "option",
    [one for one in celery.params if isinstance(one, click.Option) and one.name not in HARMLESS],
    ids=lambda option: str(option.name),
)
def test_no_variable_sets_an_option_of_celery(option: click.Option) -> None:
    for name in (option.envvar, f"CELERY_{str(option.name).upper()}"):
        if isinstance(name, str):
            assert celery_variables(URL, {name: "x"}) == {name: "", **OURS}


@pytest.mark.parametrize(
    "option", [one for one in worker.params if one.name], ids=lambda option: str(option.name)
)
def test_no_variable_sets_an_option_of_a_worker(option: click.Parameter) -> None:
    name = f"CELERY_WORKER_{str(option.name).upper()}"
    assert celery_variables(URL, {name: "1"}) == {name: "", **OURS}


def test_a_limit_that_must_be_a_number_is_left_as_it_is() -> None:
    assert celery_variables(URL, {"CELERY_WORKER_REVOKES_MAX": "9"}) == OURS


@pytest.mark.parametrize("name", ["AUTOSCALE", "BEAT", "PIDFILE"])
def test_no_variable_changes_what_is_measured_in_the_users_own_project(name: str) -> None:
    shell = {f"CELERY_WORKER_{name}": "1", "CELERY_WORKER_TIME_LIMIT": "9", "APP": "shop"}
    assert celery_variables(URL, shell, of_project=True) == {f"CELERY_WORKER_{name}": "", **OURS}
