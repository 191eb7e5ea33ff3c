"""A broker that looks at credentials as a cloud's does: mosquitto, with a door before it.

The door reads the CONNECT packet of each connection (MQTT 3.1.1, 3.1) and has `check` say until
when its client may stay. It refuses whom the cloud would refuse (return code 5), and ends a
connection whose credentials end, as IoT hubs do. All else is mosquitto's.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, NamedTuple, Optional

PROGRAM = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


class Connect(NamedTuple):
    """What a client says of itself."""

    client_id: str
    username: Optional[str]
    password: Optional[str]
    #: Method, target and Host header of a WebSocket's handshake.
    target: str = ""
    host: str = ""


# Until when the client may stay, in seconds since 1970 by the cloud's clock; None: not at all.
Check = Callable[[Connect, float], Optional[float]]


@dataclass
class Visit:
    said: Connect
    until: float
    sockets: tuple[socket.socket, ...]
    is_open: bool = True


@dataclass
class Door:
    """Listens on 127.0.0.1 before a mosquitto of its own; a context manager."""

    check: Check
    #: How far the cloud's clock was wound, in seconds.
    wound: float = 0.0
    port: int = 0
    visits: list[Visit] = field(default_factory=list)
    refused: list[Connect] = field(default_factory=list)
    #: Connections that were open when their credentials ended.
    cut: int = 0

    def __enter__(self) -> Door:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.broker = free.getsockname()[1]
        self._directory = tempfile.TemporaryDirectory()
        config = Path(self._directory.name) / "mosquitto.conf"
        config.write_text(
            f"listener {self.broker} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 10000\n"
        )
        self._process = subprocess.Popen(
            [str(PROGRAM), "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: self._process.poll() is None and answers(self.broker))
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._admit, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self._process.terminate()
        self._process.wait()
        self._directory.cleanup()

    @property
    def now(self) -> float:
        return time.time() + self.wound

    def wind(self, seconds: float) -> None:
        """Lets time pass at the cloud, which ends what ends meanwhile."""
        self.wound += seconds
        for visit in self.visits:
            if visit.is_open and visit.until <= self.now:
                self.cut += 1
                close(*visit.sockets)

    def here(self) -> Optional[Visit]:
        """The client that is connected, the last one where there are several."""
        open_ones = [visit for visit in self.visits if visit.is_open]
        return open_ones[-1] if open_ones else None

    def _admit(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            first = client.recv(1, socket.MSG_PEEK)
            upgrade = upgrade_of(client) if first == b"G" else None
            packet = read_connect(client, bool(upgrade))
            said = connect_of(packet)
            if upgrade:
                said = said._replace(target=upgrade[0], host=upgrade[1])
            until = self.check(said, self.now)
            if until is None or until <= self.now:
                self.refused.append(said)
                client.sendall(framed(b"\x20\x02\x00\x05", bool(upgrade)))
                return client.close()
            broker = socket.create_connection(("127.0.0.1", self.broker))
            visit = Visit(said, until, (client, broker))
            self.visits.append(visit)
            broker.sendall(packet)
            back = threading.Thread(
                target=pump, args=(broker, client, lambda b: framed(b, bool(upgrade)))
            )
            back.start()
            pump_in(client, broker, bool(upgrade))
            visit.is_open = False
            close(client, broker)
        except (OSError, ValueError):
            close(client)


def until(done: Callable[[], bool], patience: float = 60) -> None:
    end = time.monotonic() + patience
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("it never came")
        time.sleep(0.002)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


def close(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


def pump(source: socket.socket, sink: socket.socket, change: Callable[[bytes], bytes]) -> None:
    try:
        while piece := source.recv(65536):
            sink.sendall(change(piece))
    except OSError:
        pass
    close(source, sink)


def pump_in(client: socket.socket, broker: socket.socket, is_web: bool) -> None:
    try:
        while True:
            piece = read_frame(client) if is_web else client.recv(65536)
            if not piece:
                return
            broker.sendall(piece)
    except (OSError, ValueError):
        return


def exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = source.recv(count - len(data))
        if not piece:
            raise ValueError("it ended")
        data += piece
    return data


def read_connect(client: socket.socket, is_web: bool) -> bytes:
    """A whole CONNECT packet (MQTT 3.1.1, 2.2.3)."""
    if is_web:
        return read_frame(client)
    head, length, shift = exactly(client, 1), 0, 0
    while True:
        byte = exactly(client, 1)
        head += byte
        length |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            return head + exactly(client, length)


def connect_of(packet: bytes) -> Connect:
    """What stands in it (MQTT 3.1.1, 3.1)."""
    if packet[0] != 0x10:
        raise ValueError("no CONNECT")
    at = 1
    while packet[at] & 0x80:
        at += 1
    at += 1

    def text() -> bytes:
        nonlocal at
        (length,) = struct.unpack_from(">H", packet, at)
        at += 2 + length
        return packet[at - length : at]

    if text() != b"MQTT" or packet[at] != 4:
        raise ValueError("no MQTT 3.1.1")
    flags = packet[at + 1]
    at += 4
    client_id = text().decode()
    if flags & 0x04:
        text(), text()
    username = text().decode() if flags & 0x80 else None
    password = text().decode() if flags & 0x40 else None
    return Connect(client_id, username, password)


def upgrade_of(client: socket.socket) -> tuple[str, str]:
    """The handshake of a WebSocket (RFC 6455 4.2): its target and host."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += exactly(client, 1)
    line, *fields = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
    accept = hashlib.sha1(
        (headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()
    )
    client.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: "
        + base64.b64encode(accept.digest())
        + b"\r\n\r\n"
    )
    return line.split(" ")[1], headers["host"]


def read_frame(client: socket.socket) -> bytes:
    """One binary frame, unmasked (RFC 6455 5.2); empty at the end."""
    first, second = exactly(client, 2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack(">H", exactly(client, 2))
    mask = exactly(client, 4)
    body = exactly(client, length)
    return bytes(b ^ mask[i % 4] for i, b in enumerate(body)) if first & 0x0F == 2 else b""


def framed(data: bytes, is_web: bool) -> bytes:
    if not is_web:
        return data
    size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
    return b"\x82" + size + data
