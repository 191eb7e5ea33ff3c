"""What is raised, for what, and what it says."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import keyfob
from keyfob._abi import FAMILIES, Status
from keyfob._errors import of_status
from simulator import Simulator


def failure(sim: Simulator, fault: str | dict[str, Any], **options: Any) -> keyfob.Error:
    """What a login that meets this fault raises."""
    rule = fault if isinstance(fault, dict) else {"fault": fault}
    sim.order("clear")
    sim.order("inject", cloud="simacan", call="login", times=1, **rule)
    with sim.client("simacan", retries=0, **options) as client:
        with pytest.raises(keyfob.Error) as raised:
            client.token()
        assert type(raised.value) is of_status(raised.value.status)
        client.forget()  # or the next client of the account would heed what this one met
        return raised.value


def test_every_status_has_a_class_of_its_family() -> None:
    for status in Status:
        if status is not Status.OK:
            assert of_status(status).__name__ == FAMILIES[status]
            assert issubclass(of_status(status), keyfob.Error)
            assert getattr(keyfob, FAMILIES[status]) is of_status(status)


def test_a_status_of_a_newer_library_is_an_error_without_a_family() -> None:
    status = Status(9999)
    assert (status, status.name) == (9999, "UNKNOWN")
    assert of_status(status) is keyfob.Error


def test_rejected_credentials_have_the_status_the_code_and_the_hold(sim: Simulator) -> None:
    with sim.client("kii", password="wrong") as client:
        with pytest.raises(keyfob.CredentialsError) as rejected:
            client.token()
        error = rejected.value
        assert error.status is Status.CREDENTIALS_REJECTED
        assert (error.http_status, error.provider_code) == (400, "invalid_grant")
        assert error.provider_message is not None and error.provider_message in str(error)
        assert error.retry_after == 60
        with pytest.raises(keyfob.CredentialsError) as held:
            client.token()
        assert held.value.status is Status.LOGIN_ON_HOLD
        assert held.value.retry_after is not None and held.value.retry_after <= 60


def test_a_rate_limit_says_in_seconds_when_to_come_back(sim: Simulator) -> None:
    error = failure(sim, {"fault": "status:429", "headers": {"Retry-After": "7"}, "body": ""})
    assert isinstance(error, keyfob.RateLimitError)
    assert (error.http_status, error.retry_after, error.is_retriable) == (429, 7.0, True)


@pytest.mark.parametrize(
    ("fault", "family"),
    [
        ("status:503", keyfob.ServerError),
        ("status:418", keyfob.AnswerError),
        ("html-200", keyfob.AnswerError),
        ("truncated", keyfob.AnswerError),
        ("reset:before-headers", keyfob.NetworkError),
        ("tls:unknown-ca", keyfob.TlsError),
        ("tls:expired", keyfob.TlsError),
    ],
)
def test_each_kind_of_fault_has_its_class(
    sim: Simulator, fault: str, family: type[keyfob.Error]
) -> None:
    assert type(failure(sim, fault)) is family


def test_timeout_and_broken_connection_are_pythons_own_too(sim: Simulator) -> None:
    assert isinstance(failure(sim, "stall:before-headers", timeout_ms=50), TimeoutError)
    assert isinstance(failure(sim, "close:before-headers"), ConnectionError)


def test_an_error_is_one_line_and_no_secret(sim: Simulator) -> None:
    error = failure(sim, {"fault": "status:500", "body": "password=correct horse"})
    assert "\n" not in str(error)
    assert "correct horse" not in str(error) + repr(error)


def test_options_that_fit_no_login_are_refused_with_their_names() -> None:
    with pytest.raises(keyfob.OptionError, match="password"):
        keyfob.Client("simacan", username="gateway@example.com")
    with pytest.raises(keyfob.OptionError, match="colour"):
        keyfob.Client("simacan", colour="red")
    with pytest.raises(ValueError, match="kontakt"):
        keyfob.Client("kontact")


def test_an_error_survives_the_way_to_another_process(sim: Simulator) -> None:
    error = failure(sim, {"fault": "status:429", "headers": {"Retry-After": "7"}, "body": ""})
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
    assert vars(again) == vars(error)
    timeout = keyfob.TimeoutError("late", status=Status.TIMEOUT, is_retriable=True)
    assert vars(pickle.loads(pickle.dumps(timeout))) == vars(timeout)
