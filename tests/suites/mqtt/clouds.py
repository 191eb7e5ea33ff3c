"""What each cloud's broker demands of a CONNECT packet, from the clouds' documentation and not from
keyfob's profiles: where it is, options of a made-up device, and its check.

A check gives until when the client may stay, in seconds since 1970, or None where the cloud would
refuse it. `FOREVER`: the cloud never ends a connection for its credentials' sake.
"""

from __future__ import annotations

import base64
import calendar
import hashlib
import hmac
import re
import ssl
import time
import urllib.error
import urllib.request
from typing import Any, Callable, NamedTuple, Optional
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

from broker import Connect
from control import Simulator

FOREVER = 1e12
KEY = base64.b64encode(bytes(range(32))).decode()


class Cloud(NamedTuple):
    provider: str
    options: dict[str, str]
    #: The broker as the cloud's documentation names it; None: each has one of its own.
    url: Optional[str]
    check: Callable[[Connect, float], Optional[float]]
    #: The secret among the options, to be spoilt.
    secret: str
    #: Whether the credentials end with time.
    ends: bool = False


def sha256(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def same(one: Any, other: Any, until: Optional[float]) -> Optional[float]:
    return until if one == other else None


def sas(
    password: Optional[str], resource: str, key: bytes, name: str, now: float
) -> Optional[float]:
    """A shared access signature: base64 of the HMAC-SHA256 of resource and end, each in a line."""
    head, _, rest = (password or "").partition(" ")
    if head != "SharedAccessSignature":
        return None
    fields = dict(part.split("=", 1) for part in rest.split("&"))
    escaped = quote_plus(resource)
    signature = base64.b64encode(sha256(key, f"{escaped}\n{fields['se']}")).decode()
    wanted = {"sr": escaped, "sig": quote_plus(signature), "se": fields["se"]}
    if name:
        wanted["skn"] = name
    return float(fields["se"]) if fields == wanted and float(fields["se"]) > now else None


def azure_hub(said: Connect, now: float) -> Optional[float]:
    device, host = "gw-1", "myhub.azure-devices.net"
    user = f"{host}/{device}/?api-version=2021-04-12"
    if (said.client_id, said.username) != (device, user):
        return None
    return sas(said.password, f"{host}/devices/{device}", base64.b64decode(KEY), "", now)


def azure_dps(key: bytes) -> Callable[[Connect, float], Optional[float]]:
    def check(said: Connect, now: float) -> Optional[float]:
        resource = "0ne00000000/registrations/dev-001"
        if (said.client_id, said.username) != ("dev-001", f"{resource}/api-version=2019-03-31"):
            return None
        return sas(said.password, resource, key, "registration", now)

    return check


def tuya(said: Connect, now: float) -> Optional[float]:
    found = re.fullmatch(
        r"dev7\|signMethod=hmacSha256,timestamp=(\d{10}),secureMode=1,accessType=1",
        said.username or "",
    )
    if said.client_id != "tuyalink_dev7" or found is None:
        return None
    content = f"deviceId=dev7,timestamp={found[1]},secureMode=1,accessType=1"
    fresh = abs(float(found[1]) - now) < 600
    return same(said.password, sha256(b"device secret", content).hex(), FOREVER if fresh else None)


def aliyun(said: Connect, now: float) -> Optional[float]:
    found = re.fullmatch(
        r"(.+)\|securemode=2,signmethod=hmacsha256,timestamp=(\d{13})\|", said.client_id
    )
    if said.username != "dn&pk" or found is None:
        return None
    content = f"clientId{found[1]}deviceNamednproductKeypktimestamp{found[2]}"
    return same(said.password, sha256(b"device secret", content).hex(), FOREVER)


def huawei(said: Connect, now: float) -> Optional[float]:
    found = re.fullmatch(r"dev7_0_0_(\d{10})", said.client_id)
    if said.username != "dev7" or found is None:
        return None
    return same(said.password, sha256(found[1].encode(), "device secret").hex(), FOREVER)


def plain(client_id: Optional[str], username: Optional[str], password: Optional[str]) -> Any:
    """A broker that knows the texts."""

    def check(said: Connect, now: float) -> Optional[float]:
        is_device = client_id in (None, said.client_id)
        return FOREVER if is_device and said[1:3] == (username, password) else None

    return check


def tencent(said: Connect, now: float) -> Optional[float]:
    found = re.fullmatch(r"PRODUCTIDXdev1;12010126;\w+;(\d{10})", said.username or "")
    if said.client_id != "PRODUCTIDXdev1" or found is None or float(found[1]) <= now:
        return None
    signature = sha256(base64.b64decode(KEY), said.username or "").hex()
    return same(said.password, f"{signature};hmacsha256", FOREVER)


AWS_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def sigv4(secret: str, scope: str, date: str, canonical: str) -> str:
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = sha256(key, part)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return sha256(key, f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}").hex()


def aws(
    session: Optional[str], key_id: str = "AKIDEXAMPLE", secret: str = AWS_SECRET
) -> Callable[[Connect, float], Optional[float]]:
    def check(said: Connect, now: float) -> Optional[float]:
        """Signature Version 4 in a WebSocket's URL; the session token is not signed."""
        query = parse_qsl(urlsplit(said.target).query, keep_blank_values=True)
        fields = dict(query)
        scope = fields["X-Amz-Credential"].split("/", 1)[1]
        signed = [
            pair for pair in query if pair[0] not in ("X-Amz-Signature", "X-Amz-Security-Token")
        ]
        canonical = "&".join(f"{quote(n, '-_.~')}={quote(v, '-_.~')}" for n, v in sorted(signed))
        host = f"host:{said.host}\n"
        request = f"GET\n/mqtt\n{canonical}\n{host}\nhost\n{hashlib.sha256(b'').hexdigest()}"
        signature = sigv4(secret, scope, fields["X-Amz-Date"], request)
        at = calendar.timegm(time.strptime(fields["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
        is_right = (
            urlsplit(said.target).path == "/mqtt"
            and scope == fields["X-Amz-Date"][:8] + "/eu-west-1/iotdevicegateway/aws4_request"
            and fields["X-Amz-Credential"].startswith(f"{key_id}/")
            and fields["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
            and fields["X-Amz-SignedHeaders"] == "host"
            and fields.get("X-Amz-Security-Token") == session
            and abs(at - now) < 300
        )
        return same(fields["X-Amz-Signature"], signature, FOREVER if is_right else None)

    return check


def clouds() -> list[Cloud]:
    group_key = sha256(base64.b64decode(KEY), "dev-001")
    dps = {"id_scope": "0ne00000000", "registration_id": "dev-001"}
    provisioning = "mqtts://global.azure-devices-provisioning.net:8883"
    secret = {"device_secret": "device secret"}
    aws_options = {
        "access_key_id": "AKIDEXAMPLE", "secret_access_key": AWS_SECRET, "region": "eu-west-1",
        "service": "iotdata",
    }  # fmt: skip
    return [
        Cloud(
            "azure-iot-hub", {"hub": "myhub", "device_id": "gw-1", "shared_access_key": KEY},
            "mqtts://myhub.azure-devices.net:8883", azure_hub, "shared_access_key", True,
        ),
        Cloud(
            "azure-dps", {**dps, "shared_access_key": KEY}, provisioning,
            azure_dps(base64.b64decode(KEY)), "shared_access_key", True,
        ),
        Cloud(
            "azure-dps", {**dps, "enrollment_group_key": KEY}, provisioning, azure_dps(group_key),
            "enrollment_group_key", True,
        ),
        Cloud(
            "tuya", {"device_id": "dev7", **secret, "region": "eu"}, "mqtts://m1.tuyaeu.com:8883",
            tuya, "device_secret",
        ),
        Cloud(
            "aliyun-iot", {"product_key": "pk", "device_name": "dn", **secret},
            "mqtts://pk.iot-as-mqtt.cn-shanghai.aliyuncs.com:1883", aliyun, "device_secret",
        ),
        Cloud(
            "tencent-iot",
            {"product_id": "PRODUCTIDX", "device_name": "dev1", "device_secret": KEY},
            "wss://PRODUCTIDX.iotcloud.tencentdevices.com/mqtt", tencent, "device_secret",
            True,
        ),
        Cloud("huawei-iotda", {"device_id": "dev7", **secret}, None, huawei, "device_secret"),
        Cloud(
            "thingsboard", {"device_token": "a token"}, "mqtts://mqtt.thingsboard.cloud:8883",
            plain(None, "a token", None), "device_token",
        ),
        Cloud(
            "losant", {"device_id": "dev7", "access_key": "key", "access_secret": "a secret"},
            "mqtts://broker.losant.com:8883", plain("dev7", "key", "a secret"), "access_secret",
        ),
        Cloud(
            "the-things-stack", {"application_id": "app1@ttn", "api_key": "NNSXS.A.B"},
            "mqtts://eu1.cloud.thethings.network:8883", plain(None, "app1@ttn", "NNSXS.A.B"),
            "api_key",
        ),
        Cloud(
            "adafruit-io", {"username": "somebody", "api_key": "aio_key"}, "mqtts://io.adafruit.com:8883",
            plain(None, "somebody", "aio_key"), "api_key",
        ),
        Cloud(
            "blynk", {"api_key": "auth token"}, "mqtts://blynk.cloud:8883",
            plain(None, "device", "auth token"), "api_key",
        ),
        Cloud("aws", aws_options, "wss://{host}/mqtt", aws(None), "secret_access_key"),
        Cloud(
            "aws", {**aws_options, "session_token": "a/session+token=="}, "wss://{host}/mqtt",
            aws("a/session+token=="), "secret_access_key",
        ),
    ]  # fmt: skip


# Clouds that give something for the credentials first: the simulated one, and its word for it.


def opens(simulator: Simulator, url: str, headers: dict[str, str]) -> bool:
    """Whether the cloud's API takes it."""
    trust = ssl.create_default_context(cafile=simulator.info["ca_file"])
    try:
        asked = urllib.request.Request(url, headers=headers)
        urllib.request.urlopen(asked, context=trust, timeout=20).close()
    except urllib.error.HTTPError:
        return False
    return True


def ubidots(simulator: Simulator) -> Callable[[Connect, float], Optional[float]]:
    def check(said: Connect, now: float) -> Optional[float]:
        """The token is the user name; there is no password."""
        headers = {"X-Auth-Token": said.username or ""}
        is_good = opens(simulator, simulator.devices("ubidots"), headers)
        return FOREVER if is_good and said.password is None else None

    return check


def aws_iot(simulator: Simulator) -> Callable[[Connect, float], Optional[float]]:
    def check(said: Connect, now: float) -> Optional[float]:
        """A URL as `aws` has it, signed in a session that the cloud has given and that lives."""
        fields = dict(parse_qsl(urlsplit(said.target).query))
        session = fields["X-Amz-Security-Token"]
        # What the simulated cloud gives beside a session.
        secret = hashlib.sha256(f"secret of {session}".encode()).hexdigest()
        date, scope = (
            fields["X-Amz-Date"],
            f"{fields['X-Amz-Date'][:8]}/eu-west-1/iotdata/aws4_request",
        )
        url = urlsplit(simulator.devices("aws-iot"))
        names = "host;x-amz-date;x-amz-security-token"
        canonical = (
            f"GET\n{url.path}\n\nhost:{url.netloc}\nx-amz-date:{date}\n"
            f"x-amz-security-token:{session}\n\n{names}\n{hashlib.sha256(b'').hexdigest()}"
        )
        signed = (
            f"AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/{scope}, SignedHeaders={names}, "
            f"Signature={sigv4(secret, scope, date, canonical)}"
        )
        lives = opens(
            simulator,
            url.geturl(),
            {"X-Amz-Date": date, "X-Amz-Security-Token": session, "Authorization": signed},
        )
        is_thing = said.client_id == "gw-7" and said.host == DATA_ENDPOINT
        return aws(session, "ASIAEXAMPLE", secret)(said, now) if lives and is_thing else None

    return check


DATA_ENDPOINT = "a1b2-ats.iot.eu-west-1.amazonaws.com"
