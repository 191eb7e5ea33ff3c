"""The library's log lines, on the logger `keyfob`."""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Optional

from keyfob._abi import LogLevel, keyfob_log_fn
from keyfob._foreign import call
from keyfob._library import library

_LEVELS = {LogLevel.ERROR: 40, LogLevel.WARN: 30, LogLevel.INFO: 20, LogLevel.DEBUG: 10}


def _write(level: int, message: bytes, _: Optional[int]) -> None:
    # Whoever wants to see log lines has imported logging; there is no need to do it for them.
    logging = sys.modules.get("logging")
    if logging is None:
        return
    logger = logging.getLogger("keyfob")
    if not logger.handlers:
        # Else Python would write warnings to the terminal of a program that configured nothing.
        logger.addHandler(logging.NullHandler())
    logger.log(_LEVELS[LogLevel(level)], "%s", message.decode())


# Of the module, and so as long-lived as any client.
_callback = keyfob_log_fn(_write)


def attach(config: Any) -> None:
    """Sends the log lines of a config's clients to `logging`, which has the say on levels."""
    call(library.keyfob_config_set_log, config, _callback, ctypes.c_void_p(), LogLevel.DEBUG)
