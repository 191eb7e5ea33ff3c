"""Runs a program that cannot read a pipe, with a connection in the place of its input and output:
Node under wine.

    over_tcp.py LOG COMMAND...    COMMAND connects to 127.0.0.1:OVER_TCP; what it prints goes to LOG
"""

import os
import socket
import subprocess
import sys
import threading

log, *command = sys.argv[1:]
with socket.create_server(("127.0.0.1", 0)) as server, open(log, "wb") as told:
    server.settimeout(120)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=told,
        stderr=told,
        env={**os.environ, "OVER_TCP": str(server.getsockname()[1])},
    )
    connection, _ = server.accept()


def copy(read, write):
    """As it comes, byte by byte: whoever waits for an answer must have it."""
    while chunk := read(1 << 16):
        write(chunk)


def give():
    copy(lambda most: os.read(0, most), connection.sendall)
    connection.shutdown(socket.SHUT_WR)


threading.Thread(target=give, daemon=True).start()
copy(connection.recv, lambda chunk: os.write(1, chunk))
ended = process.wait()
if ended:
    with open(log, errors="replace") as told:
        sys.stderr.write(told.read())
sys.exit(ended)
