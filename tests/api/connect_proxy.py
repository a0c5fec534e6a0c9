"""An HTTP proxy on loopback that tunnels to one place, whatever name it is asked for."""

import base64
import socket
import socketserver
import threading
from typing import Self
from urllib.parse import urlsplit

CHUNK = 65536


class ConnectProxy:
    """Starts and ends as a context manager. `asked` are the hosts of CONNECT requests that were let through.

    With `password` ("user:secret") it refuses whoever has not got it.
    """

    def __init__(self, url: str, password: str = "") -> None:
        parts = urlsplit(url)
        self.target = parts.hostname, parts.port
        self.authorization = f"Basic {base64.b64encode(password.encode()).decode()}" if password else ""
        self.asked: list[str] = []
        self._server = _Server(self)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, proxy: ConnectProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        proxy = self.server.proxy
        line = self.rfile.readline().decode()
        headers = {}
        while header := self.rfile.readline().decode().strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        if proxy.authorization and headers.get("proxy-authorization") != proxy.authorization:
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return
        method, host, _ = line.split()
        assert method == "CONNECT", line
        assert "authorization" not in headers, "the token is for the API server alone"
        proxy.asked.append(host)
        with socket.create_connection(proxy.target) as inner:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pass, args=(inner, self.connection), daemon=True)
            back.start()
            _pass(self.connection, inner)
            back.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one side is gone, and the other follows
