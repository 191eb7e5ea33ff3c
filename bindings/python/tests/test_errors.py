"""What is raised, for what, and what it says."""

from __future__ import annotations

import array
import pickle
import traceback
from collections.abc import Iterator
from typing import Any, Callable

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
        client.forget()  # whatever other clients of the account have met in this process
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
        assert error.retry_after == pytest.approx(60, abs=5)
        with pytest.raises(keyfob.CredentialsError) as held:
            client.token()
        assert held.value.status is Status.LOGIN_ON_HOLD
        assert held.value.retry_after is not None and held.value.retry_after <= 60


def test_a_rate_limit_says_in_seconds_when_to_come_back(sim: Simulator) -> None:
    error = failure(sim, {"fault": "status:429", "headers": {"Retry-After": "7"}, "body": ""})
    assert isinstance(error, keyfob.RateLimitError)
    assert (error.http_status, error.is_retriable) == (429, True)
    assert error.retry_after and 7 <= error.retry_after < 60


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
        keyfob.Client("simacan", colour="red")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="kontakt"):
        keyfob.Client("kontact")


def test_an_error_survives_the_way_to_another_process(sim: Simulator) -> None:
    error = failure(sim, {"fault": "status:429", "headers": {"Retry-After": "7"}, "body": ""})
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
    assert vars(again) == vars(error)
    told = keyfob.ServerError("broken", status=Status.SERVER_ERROR, provider_message="says so")
    assert pickle.loads(pickle.dumps(told)).provider_message == "says so"
    timeout = keyfob.TimeoutError("late", status=Status.TIMEOUT, is_retriable=True)
    assert vars(pickle.loads(pickle.dumps(timeout))) == vars(timeout)


def shown(error: BaseException) -> str:
    """A traceback as tools for reporting crashes write it: with the variables of every frame."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


SECRET = "correct horse battery staple"


@pytest.mark.parametrize("kind", [keyfob.Client, keyfob.AsyncClient])
@pytest.mark.parametrize(
    "options",
    [
        {"colour": "red"},
        {"timeout_ms": "soon"},
        {"client_id": b"bytes"},
        {"profile": {"a": {1, 2}}},
        {"api_key": "with a \ud800"},
    ],
)
@pytest.mark.parametrize("load", [False, True])
def test_no_frame_of_a_failed_constructor_holds_a_secret(
    kind: type[keyfob.Client | keyfob.AsyncClient], options: Any, load: bool
) -> None:
    given = {"username": "gateway", "password": SECRET, **options}
    failed: BaseException | None = None
    try:
        (kind.load if load else kind)("simacan", **given)
    except (keyfob.OptionError, keyfob.ArgumentError) as error:
        # From the package's own frames on; the caller's variables are the caller's.
        failed = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
    assert failed and "keyfob" in shown(failed)
    assert SECRET not in shown(failed)
    assert failed.__context__ is None or SECRET not in shown(failed.__context__)


def test_no_frame_of_a_failed_call_holds_a_secret(sim: Simulator) -> None:
    url = sim.devices("simacan")

    def calls(client: keyfob.Client) -> Iterator[Callable[[], Any]]:
        yield lambda: client.set(password=SECRET, timeout_ms="soon")
        yield lambda: client.set(password=SECRET, colour="red")  # type: ignore[call-arg]
        yield lambda: client.set(password=SECRET.encode())  # type: ignore[arg-type]
        client.wind(4000)
        sim.order("wind", seconds=4000)
        sim.order("inject", cloud="simacan", call="refresh", fault="status:503")
        yield client.token
        yield client.headers
        yield lambda: client.headers_for(url)
        yield lambda: client.refused(token)

    with sim.client("simacan", retries=0) as client:
        token = client.token()
        client.headers()
        for call in calls(client):
            with pytest.raises(keyfob.Error) as raised:
                call()
            inner = raised.value.__traceback__
            while inner and "/keyfob/" not in inner.tb_frame.f_code.co_filename:
                inner = inner.tb_next
            text = shown(raised.value.with_traceback(inner))
            assert inner and SECRET not in text and token not in text, text
        client.forget()  # or the next client of the account would heed the pause


def test_a_client_that_was_not_made_can_be_printed() -> None:
    with pytest.raises(keyfob.OptionError) as raised:
        keyfob.Client("simacan", colour="red")  # type: ignore[call-arg]
    made = [
        repr(value)
        for frame, _ in traceback.walk_tb(raised.value.__traceback__)
        for value in frame.f_locals.values()
        if isinstance(value, keyfob.Client)
    ]
    assert made and set(made) == {"<Client closed>"}


def test_arguments_of_another_type_are_errors_of_keyfob(sim: Simulator) -> None:
    wrong: Any = object()
    with sim.client("simacan") as client:
        token = client.token()
        url = sim.devices("simacan")
        calls: list[Callable[[], Any]] = [
            lambda: keyfob.Client(wrong),
            lambda: keyfob.Client("simacan", username=wrong),
            lambda: keyfob.Client("simacan", username=["a", 1]),  # type: ignore[arg-type]
            lambda: keyfob.Client("custom", profile={"a": wrong}),
            lambda: keyfob.Client("custom", profile={"a": float("nan")}),
            lambda: keyfob.Client.load("simacan", file=wrong),
            lambda: keyfob.Client.load("simacan", env=wrong),
            lambda: client.headers_for(wrong),
            lambda: client.refused(wrong),
            lambda: client.renew(timeout=wrong),
            lambda: client.renew(timeout="1"),  # type: ignore[arg-type]
            lambda: client.set(username=wrong),
            lambda: client.is_refusal(wrong, b""),
            lambda: client.is_refusal(65536 + 401, b""),
            lambda: client.is_refusal(-1, b""),
            lambda: client.is_refusal(401, "text"),  # type: ignore[arg-type]
            lambda: client.wind(wrong),
            lambda: client.wind(float("nan")),
            lambda: client.wind(float("inf")),
            lambda: client.wind(-1),
            lambda: client.get(wrong),
            lambda: client.request(wrong, url),
            lambda: client.get(url, params=wrong),
            lambda: client.get(url, params=[1, 2]),  # type: ignore[list-item]
            lambda: client.get(url, params={1: "a"}),  # type: ignore[arg-type]
            lambda: client.get(url, headers=wrong),
            lambda: client.get(url, headers={"a": wrong}),
            lambda: client.get(url, headers={1: "a"}),  # type: ignore[dict-item]
            lambda: client.get(url, data=wrong),
            lambda: client.get(url, json=wrong),
            lambda: client.get(url, idempotent=wrong),
            lambda: client.get(url).links.get(wrong),
        ]
        for number, call in enumerate(calls):
            try:
                call()
            except (keyfob.ArgumentError, keyfob.OptionError):
                continue
            raise AssertionError(f"number {number} passed")
        assert client.token() == token


def test_a_body_is_anything_that_holds_bytes(sim: Simulator) -> None:
    url = sim.info["clouds"]["simacan"]["api_url"] + "/echo"
    with sim.client("simacan") as client:
        held: list[Any] = [b"abc", bytearray(b"abc"), memoryview(b"abc"), array.array("B", b"abc")]
        for data in held:
            assert client.post(url, data=data).json()["body"] == "abc"
        assert client.is_refusal(401, bytearray(b"")) == client.is_refusal(401, b"")  # type: ignore[arg-type]
