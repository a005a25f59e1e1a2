"""A TCP proxy on loopback that can stall: connections stay open, and nothing gets through either way."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE = 65_536


class TcpProxy:
    """Passes connections to `port` on to a server of 127.0.0.1."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._flows = threading.Event()
        self._flows.set()
        self._held: list[socket.socket] = []
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy._pass_on(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler, bind_and_activate=True)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def stall(self) -> None:
        """Let nothing through from now on, new connections included."""
        self._flows.clear()

    def resume(self) -> None:
        """Let everything through again, what was held back as well."""
        self._flows.set()

    def cut(self) -> None:
        """End all connections, in both directions."""
        for each in tuple(self._held):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        """Serve until `stop`."""
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        """Take no more connections."""
        self.resume()
        self._server.shutdown()
        self._server.server_close()

    def _pass_on(self, client: socket.socket) -> None:
        with socket.create_connection(self._target) as server:
            self._held += (client, server)
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while piece := source.recv(PIECE):
                self._flows.wait()
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (source, sink):  # one of them is gone: so is the connection
                end.close()


@contextmanager
def tcp_proxy(target_port: int) -> Iterator[TcpProxy]:
    """Serve a proxy as long as the block lasts."""
    proxy = TcpProxy(target_port)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()
