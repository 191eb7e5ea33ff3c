"""What `keyfob.Client` promises."""

from __future__ import annotations

import json
import math
import pathlib
import re
import threading
import weakref

import pytest

import keyfob
from simulator import CLOUDS, Simulator


@pytest.mark.parametrize("cloud", [*CLOUDS, "oauth2", "thingsboard"])
def test_a_token_is_obtained_once_and_kept(sim: Simulator, cloud: str) -> None:
    with sim.client(cloud) as client:
        token = client.token()
        assert client.token() == client.token() == token
    assert sim.counts(cloud)["login"] == 1


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_renewed_token_is_another_and_is_given_from_then_on(sim: Simulator, cloud: str) -> None:
    with sim.client(cloud) as client:
        before = client.token(), client.headers()
        assert before == (client.token(), client.headers())
        client.renew()
        after = client.token(), client.headers()
        assert after[0] != before[0]
        assert after[1] != before[1]
        assert after == (client.token(), client.headers())
    assert sim.counts(cloud)["refresh"] == 1


def test_the_way_to_the_cloud_is_tried_and_nothing_is_sent(sim: Simulator) -> None:
    with sim.client("simacan") as client:
        client.reach()
        with pytest.raises(keyfob.NetworkError, match="connecting to https://localhost:1"):
            client.reach("https://localhost:1/")
    assert sim.counts("simacan") == {}


def test_a_token_that_expired_is_not_given_again(sim: Simulator) -> None:
    with sim.client("simacan") as client:
        first = client.token()
        assert client.token() == first
        client.wind(3600)
        sim.order("wind", seconds=3600)
        assert client.token() != first


def test_headers_carry_the_token(sim: Simulator) -> None:
    with sim.client("kontakt") as client:
        assert client.headers() == {"Authorization": f"Bearer {client.token()}"}
    with sim.client("kontakt", "api-key") as client:
        assert client.headers() == {"Api-Key": client.token()}


def test_changing_the_headers_that_were_given_changes_nobody_elses(sim: Simulator) -> None:
    with sim.client("kontakt") as client:
        for _ in range(3):
            headers = client.headers()
            assert list(headers) == ["Authorization"]
            headers.clear()


def test_headers_for_a_url_have_what_the_provider_asks(sim: Simulator) -> None:
    with sim.client("kii") as client:
        assert list(client.headers()) == ["Authorization"]
        headers = client.headers_for(sim.devices("kii"))
        assert list(headers) == ["Authorization", "X-Kii-AppID", "X-Kii-AppKey"]


def test_times_are_seconds_and_for_ever_is_infinite(sim: Simulator) -> None:
    with sim.client("simacan") as client:
        assert client.expires_in == client.renew_due_in == 0
        client.token()
        assert 3590 < client.expires_in <= 3600
        assert 0 < client.renew_due_in < client.expires_in
        client.wind(3600)
        assert client.expires_in == 0
    with sim.client("kontakt", "api-key") as client:
        assert client.expires_in == client.renew_due_in == math.inf


def test_try_token_waits_for_nothing(sim: Simulator) -> None:
    with sim.client("simacan") as client:
        with pytest.raises(keyfob.WouldBlockError):
            client.try_token()
        assert sim.counts("simacan") == {}
        assert client.token() == client.try_token()


def test_a_token_an_api_refused_is_replaced_once(sim: Simulator) -> None:
    with sim.client("kii") as client:
        refused = client.token()
        client.refused(refused)
        assert client.token() != refused
        client.refused(refused)
    assert sim.counts("kii")["refresh"] == 1


def test_a_refusal_is_what_the_provider_says_it_is(sim: Simulator) -> None:
    with sim.client("kii") as client:
        assert client.is_refusal(403, b'{"errorCode": "WRONG_TOKEN"}')
        assert not client.is_refusal(403, b'{"errorCode": "APP_DISABLED"}')
        assert not client.is_refusal(200, b"")


def test_the_status_says_what_happened_and_no_secret(sim: Simulator) -> None:
    with sim.client("simacan") as client:
        token = client.token()
        status = client.status()
        assert (status.provider, status.counters.logins) == ("simacan", 1)
        assert token not in str(status)
        assert "correct horse" not in str(status)


def test_new_credentials_end_a_hold(sim: Simulator) -> None:
    options = sim.options("simacan")
    with sim.client("simacan", password="wrong") as client:
        with pytest.raises(keyfob.CredentialsError) as rejected:
            client.token()
        assert rejected.value.status is keyfob.Status.CREDENTIALS_REJECTED
        with pytest.raises(keyfob.CredentialsError) as held:
            client.token()
        assert held.value.status is keyfob.Status.LOGIN_ON_HOLD
        client.set(username=options["username"], password=options["password"])
        assert client.token()
    assert sim.counts("simacan")["login"] == 2


def test_set_changes_all_or_nothing(sim: Simulator) -> None:
    with sim.client("simacan") as client:
        with pytest.raises(keyfob.OptionError):
            client.set(password="another", timeout_ms="soon")
        assert client.token()


def test_forget_makes_the_next_call_log_in(sim: Simulator) -> None:
    with sim.client("simacan") as client:
        token = client.token()
        client.forget()
        assert client.token() != token
    assert sim.counts("simacan")["login"] == 2


def test_options_are_what_python_people_write(sim: Simulator, tmp_path: pathlib.Path) -> None:
    options = sim.options("simacan")
    secret = tmp_path / "password"
    secret.write_text(options.pop("password") + "\n")
    client = keyfob.Client(
        "simacan",
        **{
            **options,
            "password_file": secret,
            "allowed_origins": [options["allowed_origins"], "https://*.example.com"],
            "timeout_ms": 5000,
            "background_renewal": False,
            "proxy": None,
        },
    )
    assert client.token()


def test_a_profile_may_be_a_dictionary() -> None:
    profile = {
        "keyfob_profile": 1,
        "name": "static",
        "title": "A fixed header",
        "base_url": "https://api.example.com",
        "logins": {
            "key": {"title": "the key", "needs": ["api_key"], "token": "{api_key}"},
        },
        "present": {"X-Key": "{access_token}"},
    }
    client = keyfob.Client("custom", profile=profile, api_key="k-1")
    assert client.headers() == {"X-Key": "k-1"}


def test_options_come_from_the_environment(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    options = sim.options("simacan")
    monkeypatch.setenv("GATEWAY_USERNAME", options.pop("username"))
    monkeypatch.setenv("GATEWAY_PASSWORD", options.pop("password"))
    assert keyfob.Client.load("simacan", env="GATEWAY", **options).token()


def test_options_come_from_a_file(sim: Simulator, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "keyfob.json"
    file.write_text(json.dumps(sim.options("simacan")))
    with keyfob.Client.load("simacan", file=file) as client:
        assert client.token()


def test_the_callers_options_win_then_the_environments(
    sim: Simulator, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keyfob.json"
    wrong = {"username": "of the file", "password": "of the file"}
    file.write_text(json.dumps({**sim.options("simacan"), **wrong}))
    monkeypatch.setenv("GATEWAY_USERNAME", "of the environment")
    monkeypatch.setenv("GATEWAY_PASSWORD", sim.options("simacan")["password"])
    username = sim.options("simacan")["username"]
    with keyfob.Client.load("simacan", file=file, env="GATEWAY", username=username) as client:
        assert client.token()


def test_a_closed_client_says_so_and_closing_again_is_fine(sim: Simulator) -> None:
    client = sim.client("simacan")
    client.token()
    client.token()
    client.close()
    client.close()
    for call in (client.token, client.headers, client.renew, client.status, client.try_token):
        with pytest.raises(keyfob.ArgumentError, match="closed"):
            call()
    with pytest.raises(keyfob.ArgumentError, match="closed"):
        _ = client.expires_in
    assert repr(client) == "<Client closed>"


def test_closing_ends_the_calls_of_other_threads(sim: Simulator) -> None:
    sim.order("inject", cloud="simacan", call="login", fault="stall:before-headers")
    client = sim.client("simacan")
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            client.token()
        except keyfob.CancelledError as why:
            ended.append(why)

    thread = threading.Thread(target=wait)
    thread.start()
    sim.wait_for("simacan", "login")
    client.close()
    thread.join()
    assert len(ended) == 1


def test_cancelling_ends_calls_but_not_the_client(sim: Simulator) -> None:
    sim.order("inject", cloud="simacan", call="login", times=1, fault="delay:1000")
    client = sim.client("simacan")
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            client.token()
        except keyfob.CancelledError as why:
            ended.append(why)

    thread = threading.Thread(target=wait)
    thread.start()
    sim.wait_for("simacan", "login")
    client.cancel()
    thread.join()
    assert len(ended) == 1
    assert client.token()


def test_a_time_limit_is_the_calls_own(sim: Simulator) -> None:
    sim.order("inject", cloud="simacan", call="login", times=1, fault="delay:1000")
    with sim.client("simacan") as client:
        with pytest.raises(keyfob.TimeoutError, match="within 50 ms"):
            client.token(timeout=0.05)
        sim.order("clear")  # the limit may have passed before anything arrived
        assert client.token()


@pytest.mark.parametrize("timeout", [0, -1, math.nan])
def test_a_time_limit_that_is_none_is_refused(sim: Simulator, timeout: float) -> None:
    with sim.client("simacan") as client, pytest.raises(keyfob.ArgumentError, match="timeout"):
        client.token(timeout=timeout)


def test_a_nul_ends_no_text_unnoticed(sim: Simulator) -> None:
    with pytest.raises(keyfob.ArgumentError, match="NUL"):
        keyfob.Client("kontakt\0x")
    with pytest.raises(keyfob.OptionError, match="control character"):
        keyfob.Client("kontakt", api_key="a\0b")
    with sim.client("kontakt") as client:
        with pytest.raises(keyfob.ArgumentError, match="NUL"):
            client.get("/v3/device\0")
        with pytest.raises(keyfob.ArgumentError, match="UTF-8"):
            client.get("/v3/device", params={"q": "\ud800"})


def test_the_library_has_a_version_and_providers() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", keyfob.__version__)
    names = {each["name"] for each in keyfob.providers()["providers"]}
    assert names >= {"kontakt", "iotconnect", "kii", "simacan", "oauth2"}


def test_an_error_that_is_kept_keeps_no_client_alive(sim: Simulator) -> None:
    sim.order("inject", cloud="simacan", call="login", times=1, fault="status:503")
    with sim.client("simacan", retries=0) as client:
        with pytest.raises(keyfob.ServerError) as kept:
            client.token()
        client.forget()  # or the next client of the account would heed the pause
        held = weakref.ref(client._handle)
    assert held() is None
    assert kept.value.http_status == 503
