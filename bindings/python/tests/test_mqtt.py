"""What MQTT libraries are given, and headers of requests that a cloud has signed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac

import pytest

import keyfob

DEVICE = {"product_key": "pk", "device_name": "dn", "device_secret": "a secret"}


def test_a_device_signs_what_the_broker_checks() -> None:
    told = keyfob.Client("aliyun-iot", **DEVICE).mqtt()
    assert told.url == "mqtts://pk.iot-as-mqtt.cn-shanghai.aliyuncs.com:1883"
    assert told.username == "dn&pk"
    assert told.client_id is not None
    timestamp = told.client_id.partition("timestamp=")[2].rstrip("|")
    content = f"clientIdpk.dndeviceNamednproductKeypktimestamp{timestamp}".encode()
    assert told.password == hmac.new(b"a secret", content, hashlib.sha256).hexdigest()
    assert told.password not in repr(told)


def test_the_same_for_asyncio() -> None:
    async def connect() -> keyfob.Mqtt:
        async with keyfob.AsyncClient("blynk", api_key="my key") as client:
            return await client.mqtt()

    told = asyncio.run(connect())
    assert (told.client_id, told.username, told.password) == (None, "device", "my key")


def test_a_cloud_without_mqtt_says_so() -> None:
    with pytest.raises(keyfob.ArgumentError, match="kontakt"):
        keyfob.Client("kontakt", api_key="k").mqtt()


APP = {"base_url": "https://group.example.com", "app_key": "ak", "app_secret": "sk"}


def signature(headers: dict[str, str], method: str, digest: str, path: str) -> str:
    signed = "".join(f"{name}:{headers[name.title()]}\n" for name in SIGNED)
    content = f"{method}\napplication/json\n{digest}\n\n\n{signed}{path}".encode()
    return base64.b64encode(hmac.new(b"sk", content, hashlib.sha256).digest()).decode()


SIGNED = ("x-ca-key", "x-ca-nonce", "x-ca-timestamp")


def test_a_request_is_signed_with_its_method_and_body() -> None:
    client = keyfob.Client("aliyun-api", **APP)
    headers = client.headers_for(
        "https://group.example.com/a?b=1", method="POST", body=bytearray(b"{}")
    )
    digest = base64.b64encode(hashlib.md5(b"{}").digest()).decode()
    assert headers["Content-MD5"] == digest
    assert headers["X-Ca-Signature"] == signature(headers, "POST", digest, "/a?b=1")


@pytest.mark.parametrize("library", ["requests", "httpx"])
def test_the_adapters_sign_each_request(library: str) -> None:
    host = pytest.importorskip(library)
    auth = pytest.importorskip(f"keyfob.{library}").Auth(keyfob.Client("aliyun-api", **APP))
    url = "https://group.example.com/a"
    if library == "requests":
        request = host.Request("POST", url, data="{}", auth=auth).prepare()
    else:
        request = next(auth.sync_auth_flow(host.Request("POST", url, content=b"{}")))
    digest = base64.b64encode(hashlib.md5(b"{}").digest()).decode()
    sent = {name.title(): value for name, value in request.headers.items()}
    assert sent["X-Ca-Signature"] == signature(sent, "POST", digest, "/a")
