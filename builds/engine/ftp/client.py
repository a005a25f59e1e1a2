"""The only client for file servers that users name: checked addresses, connections that a stop cuts."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Final

from builds.engine.ftp.plain import FtpSession
from builds.engine.ftp.session import FileServer, Session, SessionStopped
from builds.engine.ftp.sftp import Learn, SftpSession
from builds.engine.outbound import MOST_ADDRESSES, OutboundFailed, checked_host
from builds.engine.outbound_wire import connect
from builds.engine.wire import cut_when

CONNECT_SECONDS: Final = 15.0


@contextmanager
def opened(server: FileServer, *, stopping: Event, learn: Learn) -> Iterator[Session]:
    """Give a session that has logged in; `learn` takes the key of an SFTP server that is not known yet.

    Raises `OutboundRefused`, `HostUnknown`, `OutboundFailed` and `OutboundStopped` where the server is not reached, and
    `FtpError`s.
    """
    asked, failed = f"connect to {server.shown}", ""
    addresses = checked_host(server.host, server.port, allowed=server.allowed, asked=asked, is_over=stopping.is_set)
    with cut_when(stopping) as wire:
        connection: socket.socket | None = None
        for address in addresses[:MOST_ADDRESSES]:
            try:
                connection = connect(address, server.port, timeout=CONNECT_SECONDS, watch=wire.hold)
                break
            except OSError as error:
                failed = error.strerror or str(error)
        if wire.is_cut:
            raise SessionStopped(asked, "stopped before it had answered")
        if connection is None:
            raise OutboundFailed(asked, failed)
        with connection:
            connection.settimeout(server.silence_seconds)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(server.silence_seconds * 1000))
            session = (
                SftpSession(server, wire, connection, learn) if server.is_sftp else FtpSession(server, wire, connection)
            )
            try:
                session.log_in()
                yield session
            finally:
                session.close()
