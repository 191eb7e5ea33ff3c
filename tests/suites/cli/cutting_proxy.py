"""A CONNECT proxy that cuts each tunnel after so many bytes have come down, or leads nowhere."""

import contextlib
import socket
import threading
from typing import Callable, Optional


class CuttingProxy:
    """Listens until `close`. `on_cut` is called with how often it has cut, after the connection is gone.
    With an `answer` it says that to whoever comes, and hangs up."""

    answer: Optional[bytes] = None

    def __init__(self, each: int, on_cut: Callable[[int], None]) -> None:
        self._each, self._on_cut, self.cuts = each, on_cut, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            if not (said := client.recv(4096)):
                return
            asked += said
        if self.answer is not None:
            client.sendall(self.answer)
            client.close()
            return
        host, port = asked.split()[1].decode().rsplit(":", 1)
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=self._up, args=(client, server), daemon=True).start()
        left = self._each
        try:
            while left > 0 and (piece := server.recv(min(left, 65_536))):
                client.sendall(piece)
                left -= len(piece)
        except OSError:
            pass
        for end in (client, server):
            # Closing alone does nothing while the other thread waits for it.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        if left <= 0:
            self.cuts += 1
            self._on_cut(self.cuts)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while piece := client.recv(65_536):
                server.sendall(piece)
        except OSError:
            pass
