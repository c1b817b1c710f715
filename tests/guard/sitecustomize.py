"""Every Python process with this folder on PYTHONPATH: a network attempt is written down and refused."""

import os
import socket

_LOCAL = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "", None}  # noqa: S104 (compared, not bound)


def _refuse(what: str, host: object) -> None:
    with open(os.environ["LSDC_NETWORK_LOG"], "a", encoding="utf-8") as log:
        log.write(f"{what} {host}\n")
    raise OSError(f"network attempt refused: {what} {host}")


def _guarded(name: str):
    original = getattr(socket.socket, name)

    def call(self, address, *rest):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in _LOCAL:
            _refuse(name, address)
        return original(self, address, *rest)

    return call


def _listen(self, *rest):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        _refuse("listen", self.getsockname())  # on this machine's own address too
    return _original_listen(self, *rest)


def _look_up(host, *rest, **more):
    if host not in _LOCAL:
        _refuse("getaddrinfo", host)
    return _original_look_up(host, *rest, **more)


if os.environ.get("LSDC_NETWORK_LOG"):
    _original_look_up = socket.getaddrinfo
    socket.getaddrinfo = _look_up
    _original_listen, socket.socket.listen = socket.socket.listen, _listen
    for _name in ("connect", "connect_ex"):
        setattr(socket.socket, _name, _guarded(_name))
