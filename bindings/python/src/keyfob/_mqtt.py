"""What an MQTT library is given to connect to a cloud's broker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from keyfob._foreign import MqttHandle, call_for_handle
from keyfob._library import library


@dataclass(frozen=True)
class Mqtt:
    """What to connect with (MQTT 3.1.1, 3.1.3). What is None, the cloud does not want or the user
    chooses.

    >>> keyfob.Client("blynk", api_key="my key").mqtt()
    Mqtt(client_id=None, username='device')
    """

    #: Where the broker is: `mqtts://host:8883`, or `wss://host/path` for MQTT over WebSocket. It
    #: may hold a signature, so it is not shown.
    url: Optional[str] = field(repr=False)
    #: None: any that no other client of the broker has.
    client_id: Optional[str]
    username: Optional[str]
    password: Optional[str] = field(repr=False)


def mqtt_of(handle: Any) -> Mqtt:
    mqtt = call_for_handle(MqttHandle, library.keyfob_client_mqtt, handle)
    members = ("url", "client_id", "username", "password")
    texts = (getattr(library, f"keyfob_mqtt_{member}")(mqtt) for member in members)
    return Mqtt(*(text.decode() if text is not None else None for text in texts))
