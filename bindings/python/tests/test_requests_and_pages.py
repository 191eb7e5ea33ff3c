"""What `Client.request` sends, and what it gives back."""

from __future__ import annotations

import asyncio
import copy
import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import keyfob
from simulator import CLOUDS, Simulator


def echo(sim: Simulator, method: str, **options: Any) -> dict[str, Any]:
    """What arrived of a request."""
    with sim.client("simacan") as client:
        url = sim.info["clouds"]["simacan"]["api_url"] + "/echo"
        response = client.request(method, url, **options)
        assert response.status == 200, response.text
        arrived: dict[str, Any] = response.json()
        return arrived


@pytest.mark.parametrize("cloud", [*CLOUDS, "oauth2", "thingsboard"])
def test_devices_are_listed_page_by_page(sim: Simulator, cloud: str) -> None:
    with sim.client(cloud) as client:
        statuses = [page.status for page in client.pages(sim.devices(cloud))]
    assert statuses == [200, 200, 200]
    assert sim.counts(cloud)["api"] == 3


@pytest.mark.parametrize("cloud", [*CLOUDS, "oauth2", "thingsboard"])
def test_items_are_those_of_every_page(sim: Simulator, cloud: str) -> None:
    async def story() -> list[Any]:
        async with sim.async_client(cloud) as client:
            return [item async for item in client.items(sim.devices(cloud))]

    with sim.client(cloud) as client:
        items = list(client.items(sim.devices(cloud)))
    assert len(items) == 7
    assert asyncio.run(story()) == items


def test_items_say_which_page_has_no_list(sim: Simulator) -> None:
    def items(body: str, **options: Any) -> list[Any]:
        sim.order("clear")
        sim.order("inject", call="api", fault="status:200", body=body)
        with sim.client("kontakt") as client:
            return list(client.items("/v3/device", **options))

    assert items("[1, 2]") == items('{"links": [], "a": [1, 2], "n": 2}') == [1, 2]
    assert items('{"_embedded": {"devices": [1]}}') == [1]
    assert items('{"a": [1], "b": {"c": [2]}}', at="b.c") == [2]
    for body, options, said in (
        ('{"a": [1], "b": [2]}', {}, r"2 \(a, b\); say which"),
        ('{"a": 1}', {}, r"0 \(none\)"),
        ('{"a": [1]}', {"at": "b.c"}, "no list at 'b.c'"),
        ("3", {}, "0"),
        ("<html>", {}, "is not JSON"),
    ):
        with pytest.raises(keyfob.AnswerError, match=said):
            items(body, **options)
    sim.order("clear")
    sim.order("inject", call="api", fault="status:404")
    with sim.client("kontakt") as client, pytest.raises(keyfob.ResponseError):
        list(client.items("/v3/device"))


def test_pages_go_on_without_the_first_ones_query(sim: Simulator) -> None:
    with sim.client("kontakt") as client:
        list(client.pages("/v3/device", params={"page": 1}))
    queries = [entry["query"] for entry in sim.journal("kontakt", "api")]
    assert len(queries) == len(set(map(str, queries)))


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_refused_token_is_renewed_and_the_request_sent_once_more(
    sim: Simulator, cloud: str
) -> None:
    with sim.client(cloud) as client:
        client.token()
        sim.order("revoke", cloud=cloud, what="access")
        assert client.get(sim.devices(cloud)).status == 200
    assert (sim.counts(cloud)["refresh"], sim.counts(cloud)["api"]) == (1, 2)


def test_query_headers_and_json_arrive(sim: Simulator) -> None:
    arrived = echo(
        sim,
        "POST",
        params={"a": 1, "b": [True, "x y"], "c": None},
        headers={"X-Trace": "7"},
        json={"name": "café"},
    )
    assert arrived["query"] == "a=1&b=true&b=x%20y"
    assert arrived["headers"]["x-trace"] == "7"
    assert arrived["headers"]["content-type"] == "application/json"
    assert arrived["body"] == '{"name": "caf\\u00e9"}'


def test_a_mapping_is_sent_as_a_form(sim: Simulator) -> None:
    arrived = echo(sim, "PUT", data={"a": "x y", "b": ["1", "2"]})
    assert arrived["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert arrived["body"] == "a=x+y&b=1&b=2"


def test_bytes_are_sent_as_they_are_with_the_callers_content_type(sim: Simulator) -> None:
    arrived = echo(sim, "PATCH", data=b"\x00\x01abc", headers={"content-type": "x/y"})
    assert arrived["headers"]["content-type"] == "x/y"
    assert arrived["body"] == "\x00\x01abc"


def test_each_method_is_its_own(sim: Simulator) -> None:
    url = sim.info["clouds"]["simacan"]["api_url"]
    with sim.client("simacan") as client:
        for method in ("get", "post", "put", "patch", "delete"):
            answer = getattr(client, method)(url + "/echo")
            assert answer.json()["method"] == method.upper()
        assert client.head(url + "/echo").content == b""


def test_every_status_is_an_answer(sim: Simulator) -> None:
    url = sim.info["clouds"]["simacan"]["api_url"]
    with sim.client("simacan", retries=0) as client:
        for status in (200, 204, 404, 500):
            response = client.get(f"{url}/status/{status}")
            assert response.status == status
            assert response.ok == (status < 400)


def test_raise_for_status_names_the_request_but_not_its_query(sim: Simulator) -> None:
    url = sim.info["clouds"]["simacan"]["api_url"]
    with sim.client("simacan") as client:
        good = client.get(f"{url}/status/200")
        assert good.raise_for_status() is good
        bad = client.get(f"{url}/status/404?key=hidden")
        with pytest.raises(keyfob.ResponseError, match=r"GET .*/status/404 answered 404") as raised:
            bad.raise_for_status()
    assert raised.value.response is bad
    assert raised.value.http_status == 404
    assert "hidden" not in str(raised.value)


def test_a_response_and_its_error_can_be_copied_and_pickled(sim: Simulator) -> None:
    url = sim.info["clouds"]["simacan"]["api_url"]
    with sim.client("simacan") as client, pytest.raises(keyfob.ResponseError) as raised:
        client.get(f"{url}/status/404").raise_for_status()
    error, response = raised.value, raised.value.response
    for again in (copy.copy(error), copy.deepcopy(error)):
        assert (type(again), str(again)) == (keyfob.ResponseError, str(error))
        assert again.response is response
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (keyfob.ResponseError, str(error))
    assert again.http_status == again.response.status == 404
    assert again.response.content == response.content
    assert dict(again.response.headers) == dict(response.headers)
    assert (again.response.method, again.response.url) == ("GET", response.url)
    with pytest.raises(keyfob.ArgumentError, match="pickled"):
        again.response.links.get("next")


def test_headers_are_found_in_any_case_and_listed_as_they_came(sim: Simulator) -> None:
    with sim.client("kontakt") as client:
        response = client.get("/v3/device")
    assert response.headers["CONTENT-TYPE"] == response.headers["content-type"]
    assert "Date" in response.headers
    assert "X-None" not in response.headers
    assert dict(response.headers.pairs) == dict(response.headers)


def test_links_are_looked_up_by_their_relation(sim: Simulator) -> None:
    with sim.client("kontakt") as client:
        links = client.get("/v3/device").links
    assert links["next"].startswith("https://")
    assert "next" in links
    assert links.get("nowhere") is None
    with pytest.raises(KeyError):
        links["nowhere"]
    with pytest.raises(TypeError):
        list(links)  # type: ignore[call-overload]


def test_a_response_outlives_its_client(sim: Simulator) -> None:
    with sim.client("kontakt") as client:
        response = client.get("/v3/device")
    del client
    assert response.json()["content"]
    assert response.links["next"]


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/plain; charset=utf-8", "café"),
        ("text/plain", "café"),
        ('text/plain; charset="ISO-8859-1"', "caf\u00c3\u00a9"),
        ("text/plain; charset=ascii", "caf\ufffd\ufffd"),
        ("text/plain; charset=nonsense", "café"),
    ],
)
def test_text_is_read_in_the_charset_the_response_names(
    sim: Simulator, content_type: str, text: str
) -> None:
    headers = {"Content-Type": content_type}
    sim.order("inject", call="api", fault="status:200", headers=headers, body="café")
    with sim.client("kontakt") as client:
        assert client.get("/v3/device").text == text


def test_nothing_is_sent_where_the_token_must_not_go(sim: Simulator) -> None:
    with sim.client("simacan") as client:
        for url in ("https://elsewhere.example/", "http://elsewhere.example/"):
            with pytest.raises(keyfob.OriginError):
                client.get(url)
            with pytest.raises(keyfob.OriginError):
                client.headers_for(url)
    assert sim.counts("simacan") == {}


def test_a_post_is_repeated_only_if_it_is_said_to_do_no_harm(sim: Simulator) -> None:
    url = sim.info["clouds"]["simacan"]["api_url"] + "/echo"
    with sim.client("simacan") as client:
        client.token()
        for idempotent, tries in ((None, 1), (False, 1), (True, 2)):
            sim.order("clear")
            sim.order("inject", cloud="simacan", call="api", times=1, fault="close:before-headers")
            if tries == 1:
                with pytest.raises(keyfob.NetworkError):
                    client.post(url, idempotent=idempotent)
            else:
                assert client.post(url, idempotent=idempotent).ok
            assert sim.counts("simacan")["api"] == tries


def test_a_file_is_read_while_it_is_sent_and_sent_again(sim: Simulator, tmp_path: Path) -> None:
    url = sim.info["clouds"]["simacan"]["api_url"] + "/echo"
    file = tmp_path / "body"
    file.write_bytes(b"skipped" + b"x" * 200_000)
    with sim.client("simacan") as client, file.open("rb") as data:
        client.token()
        data.seek(7)
        sim.order("revoke", cloud="simacan", what="access")
        arrived = client.post(url, data=data).json()
        assert arrived["headers"]["content-length"] == "200000"
        assert arrived["body"] == "x" * 200_000
        assert client.status().counters.replays == 1


def test_an_iterator_is_sent_piece_by_piece_and_once(sim: Simulator) -> None:
    url = sim.info["clouds"]["simacan"]["api_url"] + "/echo"
    pieces: list[Any] = [b"a" * 100_000, bytearray(b"b"), b"", b"c"]
    with sim.client("simacan") as client:
        assert client.post(url, data=iter(pieces)).json()["body"] == "a" * 100_000 + "bc"
        sim.order("revoke", cloud="simacan", what="access")
        with pytest.raises(keyfob.BodyError):
            client.post(url, data=iter(pieces))


def test_what_a_body_raises_is_the_cause_of_the_error(sim: Simulator) -> None:
    def pieces() -> Iterator[Any]:
        yield b"a"
        raise LookupError("no more")

    url = sim.info["clouds"]["simacan"]["api_url"] + "/echo"
    with sim.client("simacan") as client:
        with pytest.raises(keyfob.BodyError, match="LookupError: no more") as raised:
            client.post(url, data=pieces())
        assert isinstance(raised.value.__cause__, LookupError)
        with pytest.raises(keyfob.BodyError, match="must be bytes, not str"):
            client.post(url, data=iter(["text"]))  # type: ignore[arg-type]
        assert client.get(url).ok


def test_files_are_sent_as_browsers_do(sim: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"lines")
    with path.open("rb") as file:
        for content in (b"\x01", io.BytesIO(b"\x01")):
            arrived = echo(
                sim,
                "POST",
                data={"device": "gate-7"},
                files={
                    "log": file,
                    "firmware": ('a"b.bin', content, "application/x-firmware"),
                    "note": ("note.txt", "café", "text/plain", {"X-Note": "1"}),
                },
            )
            file.seek(0)
            kind, _, boundary = arrived["headers"]["content-type"].partition("; boundary=")
            assert kind == "multipart/form-data"
            parts = arrived["body"].split(f"--{boundary}")
            assert [part.partition("\r\n\r\n")[2].strip() for part in parts[1:-1]] == [
                "gate-7",
                "lines",
                "\x01",
                "café",
            ]
            assert 'form-data; name="log"; filename="log.txt"' in parts[2]
            assert 'filename="a%22b.bin"\r\nContent-Type: application/x-firmware' in parts[3]
            assert "X-Note: 1" in parts[4]


def test_a_header_of_a_file_has_no_control_character(sim: Simulator) -> None:
    with sim.client("simacan") as client:
        for kind, headers in (
            ("text/plain\r\nX: 1", {}),
            ("text/plain\0", {}),
            ("text/plain", {"X": "\n\n"}),
            ("text/plain", {"Content-Disposition": "a\nb"}),
        ):
            with pytest.raises(keyfob.ArgumentError, match="control character"):
                client.post(sim.devices("simacan"), files={"f": ("name", b"", kind, headers)})


def test_a_pair_of_limits_is_their_sum(sim: Simulator) -> None:
    sim.order("inject", cloud="simacan", call="login", fault="stall:before-headers")
    with sim.client("simacan", timeout_ms=60_000) as client:
        with pytest.raises(keyfob.TimeoutError, match="within 50 ms"):
            client.get(sim.devices("simacan"), timeout=(0.02, 0.03))
        for wrong in ((1,), (0, 1), (1, "2"), (1, 2, 3)):
            with pytest.raises(keyfob.ArgumentError, match="timeout"):
                client.get(sim.devices("simacan"), timeout=wrong)  # type: ignore[arg-type]
