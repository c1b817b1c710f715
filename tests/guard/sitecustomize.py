"""Every Python process with this folder on PYTHONPATH: a network attempt is written down and refused.

The interpreter itself tells of each attempt (PEP 578), whoever holds which function by then. It tells nothing of
listen, but a port is bound before, and where it is not, listen is watched too.
"""

import os
import socket
import sys

_INTERNET = (socket.AF_INET, socket.AF_INET6)
_LOCAL = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "", None}  # noqa: S104 (compared, not bound)
_TO_ADDRESS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_TRIED_OUT = ("::1", 0)  # by urllib3 on import: whether there is IPv6 here; it listens to nothing
_LOOK_UP = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


def _refuse(what: str, host: object) -> None:
    with open(os.environ["LSDC_NETWORK_LOG"], "a", encoding="utf-8") as log:
        log.write(f"{what} {host}\n")
    raise OSError(f"network attempt refused: {what} {host}")


def _watch(event: str, given: tuple) -> None:
    if event in _LOOK_UP:
        host = given[0].decode() if isinstance(given[0], bytes) else given[0]
        if host not in _LOCAL:
            _refuse(event, host)
    elif event in _TO_ADDRESS:
        one, address = given
        if one.family in _INTERNET and address is not None and address[0] not in _LOCAL:
            _refuse(event, address)
    elif event == "socket.bind" and given[0].family in _INTERNET and given[1][:2] != _TRIED_OUT:
        _refuse(event, given[1])  # on this machine's own address too


def _listen(self, *rest):
    if self.family in _INTERNET:
        _refuse("listen", self.getsockname())
    return _original_listen(self, *rest)


if os.environ.get("LSDC_NETWORK_LOG"):
    _original_listen, socket.socket.listen = socket.socket.listen, _listen
    sys.addaudithook(_watch)
