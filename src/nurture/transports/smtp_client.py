"""The standard library's SMTP client, with an end to each wait."""

from __future__ import annotations

import io
import smtplib
import socket
from contextlib import suppress

from nurture.transports.deadline import Reader, within


class Client(smtplib.SMTP):
    """Gives each command and each answer `timeout` seconds, however slowly the bytes come."""

    _reader: Reader

    def patience(self, seconds: float) -> None:
        """Change how long the next answers may take."""
        self.timeout = seconds

    def getreply(self) -> tuple[int, bytes]:
        """Return code and text of the next answer."""
        sock = self._connected()
        if self.file is None:
            self._reader = Reader(sock, within(self.timeout))
            self.file = io.BufferedReader(self._reader)
        self._reader.deadline = within(self.timeout)
        try:
            return super().getreply()
        finally:
            # A TLS handshake has no deadline but this.
            with suppress(OSError):
                sock.settimeout(self.timeout)

    def send(self, s: bytes | bytearray | memoryview | str) -> None:  # type: ignore[override] # typeshed lets in more than bytes
        """Give all of it to the network."""
        sock = self._connected()
        rest = memoryview(s.encode(self.command_encoding) if isinstance(s, str) else s)
        deadline = within(self.timeout)
        try:
            while rest:
                sock.settimeout(deadline.left())
                rest = rest[sock.send(rest) :]
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected(f"Server not connected: {error}") from None

    def _connected(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("please run connect() first")
        return self.sock


class TlsClient(Client, smtplib.SMTP_SSL):
    """The same, with TLS from the first byte."""
