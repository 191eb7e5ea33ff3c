"""A gateway that keeps its MQTT session while the credentials it connects with come and go.

usage: python keyfob-mqtt.py PROVIDER [CONNECTIONS]      options from KEYFOB_... in the environment

A broker looks at a password when a client connects, and some close the connection when it ends: so
there is a new connection for each new token, before the old one ends. The session is a persistent
one, so nothing that is published meanwhile is lost. Ends after so many connections.
Needs paho-mqtt.
"""

import sys
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho

import keyfob


def broker_for(told: keyfob.Mqtt) -> paho.Client:
    """A connection to be, which hears what it is told to do."""
    broker = paho.Client(
        paho.CallbackAPIVersion.VERSION2, client_id=told.client_id or "gw-1", clean_session=False
    )
    broker.on_connect = on_connect
    broker.on_message = on_message
    return broker


def on_connect(broker: paho.Client, _: Any, flags: Any, code: Any, properties: Any) -> None:
    if code.is_failure:
        print("the broker refuses:", code, file=sys.stderr)
        return
    print("connected", flush=True)
    broker.subscribe("gateways/gw-1/commands", qos=1)


def on_message(broker: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
    print("heard", message.payload.decode(), flush=True)


def run(client: keyfob.Client, connections: int) -> None:
    told = client.mqtt()
    broker = broker_for(told)
    for _ in client.tokens():
        told = client.mqtt()  # signed anew, where the cloud has it signed
        url = urlsplit(told.url or "")
        if url.scheme == "mqtts":
            broker.tls_set()
        broker.username_pw_set(told.username or "", told.password)
        broker.disconnect()
        broker.loop_stop()
        broker.connect(url.hostname or "", url.port or 8883)
        broker.loop_start()
        connections -= 1
        if connections == 0:
            break


if __name__ == "__main__":
    with keyfob.Client.load(sys.argv[1], env="KEYFOB") as client:
        run(client, int(sys.argv[2]) if len(sys.argv) > 2 else -1)
