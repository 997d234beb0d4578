"""A name server on loopback that answers what a test tells it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Zone = Mapping[tuple[str, str], list[str]]
"""Records by name and kind, such as ("a.example", "MX"): ["10 mail.a.example."]."""


def told(zone: Zone, wire: bytes) -> bytes:
    """Return the answer to one question; a name that has nothing does not exist."""
    query = dns.message.from_wire(wire)
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    found = zone.get((name, kind), [])
    if found:
        response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
    elif not any(known == name for known, _ in zone):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response.to_wire(max_size=65535)


@contextmanager
def name_server(zone: Zone) -> Iterator[tuple[str, list[str]]]:
    """Serve the zone; yield the server's host:port, and the names that it was asked about."""
    asked: list[str] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, socket = self.request
            asked.append(dns.message.from_wire(wire).question[0].to_text())
            socket.sendto(told(zone, wire), self.client_address)

    with socketserver.UDPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()
