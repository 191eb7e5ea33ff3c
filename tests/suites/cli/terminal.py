"""A terminal that a program writes to, and a camera that looks at it."""

import os
import pty
import re
import subprocess
from pathlib import Path

#: What of a cell is light: its upper half, its lower half.
HALVES = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}
SIZE = 8


class Terminal:
    """A program on a terminal of its own; what it has written is read until a text is seen."""

    def __init__(self, command, environment):
        ours, theirs = pty.openpty()
        self.process = subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self._end = ours
        self.text = ""

    def read_until(self, seen):
        written = b""
        while seen.encode() not in written:
            piece = os.read(self._end, 65536)
            written += piece
        self.text = written.decode()
        return self.text

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._end)


def modules(text):
    """The light and dark squares of what is drawn with colours, row by row."""
    rows = []
    for line in text.split("\r\n"):
        if "\033[" not in line:
            continue
        upper, lower = [], []
        background = None
        halves = "\033[37;1;40m" in line
        for code, letter in re.findall(r"\033\[([\d;]*)m|(.)", line):
            if code:
                background = code
            elif background not in (None, "0") and halves:
                top, bottom = HALVES[letter]
                upper.append(top)
                lower.append(bottom)
            elif background not in (None, "0"):
                upper.append(background == "107")
        # Without half blocks a square is two columns wide.
        rows += [upper, lower] if halves else [upper[::2]]
    return rows


def seen_by_a_camera(text, scratch):
    """What a reader of QR codes finds in a picture of it."""
    rows = modules(text)
    width = max(len(row) for row in rows)
    picture = Path(scratch) / "terminal.pgm"
    lines = [b"".join((b"\xff" if light else b"\0") * SIZE for light in row) for row in rows]
    head = f"P5 {width * SIZE} {len(rows) * SIZE} 255\n".encode()
    picture.write_bytes(head + b"".join(line * SIZE for line in lines))
    found = subprocess.run(["zbarimg", "--quiet", "--raw", picture], capture_output=True, text=True)
    return found.stdout.strip()
