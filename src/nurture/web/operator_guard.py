"""Who may see the operator's pages: whoever has the token, else only somebody on this machine."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from nurture.store.outage import Outage
from nurture.web.site import site_of


def admit(request: Request) -> None:
    """Let an operator pass and nobody else."""
    token = site_of(request).operator_token
    if token:
        if not hmac.compare_digest(_given(request).encode(), token.encode()):
            raise HTTPException(
                401, headers={"www-authenticate": 'Basic realm="nurture", charset="UTF-8"'}
            )
    elif not on_this_machine(request):
        raise HTTPException(403)


def on_this_machine(request: Request) -> bool:
    """Say whether nobody but a person on this machine can have sent the request.

    A peer on the loopback interface alone does not say so: a proxy or a tunnel may stand there,
    and a page from elsewhere may have its name point here. So nothing may be in front of us, the
    site's own address has to be this machine's, and the request has to name it.
    """
    site = site_of(request)
    peer = request.client.host if request.client else ""
    return (
        not site.behind_proxy
        and _is_loopback(peer)
        and _is_loopback(_host(f"//{request.headers.get('host', '')}"))
        and _is_loopback(_host(_public_url(request)))
    )


def _public_url(request: Request) -> str:
    runtime = site_of(request).runtime
    try:
        with runtime.database.read() as connection:
            return runtime.essentials(connection).public_url
    except Outage:
        return ""


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _given(request: Request) -> str:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer":
        return value.strip()
    if scheme.casefold() != "basic":
        return ""
    try:
        return b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
