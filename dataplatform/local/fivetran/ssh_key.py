"""Asks an SSH server for its host key: the beginning of the protocol's handshake, and no more.

RFC 4253 and RFC 8731: names are exchanged, then proposals, then one half of a key agreement, to
which the server answers with its host key. Whether the key is trusted is decided in ``trust``.
"""

from __future__ import annotations

import os
import socket
from io import BufferedReader

_NAME = b"SSH-2.0-setup_test"
_KEXINIT, _ECDH_INIT, _ECDH_REPLY = 20, 30, 31
_IGNORED = (2, 4)  # SSH_MSG_IGNORE and SSH_MSG_DEBUG may come at any time.
_MAX_PACKET = 256 * 1024
_MAX_LINES = 50
_PROPOSALS = (
    b"curve25519-sha256,curve25519-sha256@libssh.org",
    b"ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256,ssh-rsa",
    b"aes128-ctr,aes256-ctr",
    b"aes128-ctr,aes256-ctr",
    b"hmac-sha2-256",
    b"hmac-sha2-256",
    b"none",
    b"none",
    b"",
    b"",
)


def host_key(host: str, port: int, timeout: float) -> bytes:
    """Return the host key of an SSH server, as the protocol encodes it.

    Args:
        host: the server.
        port: its port.
        timeout: seconds for each step.

    Raises:
        OSError: the server cannot be reached, is too slow or does not speak the protocol.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    with socket.create_connection((host, port), timeout) as server, server.makefile("rb") as said:
        server.sendall(_NAME + b"\r\n")
        for _ in range(_MAX_LINES):
            line = said.readline(1024)
            if line.startswith(b"SSH-"):
                break
            if not line:
                raise OSError("the server does not speak SSH")
        else:
            raise OSError("the server does not speak SSH")
        proposals = b"".join(_text(names) for names in _PROPOSALS)
        server.sendall(_packet(bytes([_KEXINIT]) + os.urandom(16) + proposals + bytes(5)))
        _message(said, _KEXINIT)
        ours = X25519PrivateKey.generate().public_key().public_bytes_raw()
        server.sendall(_packet(bytes([_ECDH_INIT]) + _text(ours)))
        reply = _message(said, _ECDH_REPLY)
        length = int.from_bytes(reply[1:5])
        key = reply[5 : 5 + length]
        if not key or len(key) != length:
            raise OSError("the server sent no host key")
        return key


def _text(value: bytes) -> bytes:
    return len(value).to_bytes(4) + value


def _packet(message: bytes) -> bytes:
    padding = 8 - (len(message) + 5) % 8
    padding += 8 if padding < 4 else 0
    body = bytes([padding]) + message + os.urandom(padding)
    return len(body).to_bytes(4) + body


def _message(said: BufferedReader, kind: int) -> bytes:
    """Return the next message of a kind."""
    for _ in range(_MAX_LINES):
        length = int.from_bytes(_read(said, 4))
        if not 2 <= length <= _MAX_PACKET:
            raise OSError("the server sent no SSH packet")
        body = _read(said, length)
        message = body[1 : length - body[0]]
        if message and message[0] == kind:
            return message
        if not message or message[0] not in _IGNORED:
            raise OSError("the server broke off the SSH handshake")
    raise OSError("the server does not go on with the SSH handshake")


def _read(said: BufferedReader, size: int) -> bytes:
    got = said.read(size)
    if len(got) != size:
        raise OSError("the server closed the connection")
    return got
