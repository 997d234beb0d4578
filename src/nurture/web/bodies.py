"""Bodies of requests: limited before they are read, parsed strictly, never trusted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, FormParser, parse_options_header
from starlette.requests import ClientDisconnect

from nurture.core.errors import RefusedInput

SMALL = 64 * 1024
LARGE = 1024 * 1024
MAIL = 32 * 1024 * 1024
"""The largest mail that SendGrid takes in has 30 MB, attachments included."""
MOST_FIELDS = 200
PATIENCE_SECONDS = 10

# What strangers post is no news: the parser's remarks go where logs are kept, if anywhere.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())

Fields = dict[str, list[str]]


def up_to(limit: int) -> Callable[[Request], Awaitable[bytes]]:
    """Return what reads a body of at most so many bytes, in at most ten seconds."""

    async def read(request: Request) -> bytes:
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or len(length) > 12 or int(length) > limit:  # noqa: PLR2004
            raise HTTPException(413)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await _limited(request, limit)
        except TimeoutError:
            raise HTTPException(408) from None
        except ClientDisconnect:
            raise HTTPException(400) from None

    return read


async def _limited(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise HTTPException(413)
    return bytes(body)


SmallBody = Annotated[bytes, Depends(up_to(SMALL))]
LargeBody = Annotated[bytes, Depends(up_to(LARGE))]
MailBody = Annotated[bytes, Depends(up_to(MAIL))]


def parse_fields(content_type: str, body: bytes) -> Fields:
    """Return the texts of each field, or raise RefusedInput; uploaded files are no fields."""
    kind, options = parse_options_header(content_type)
    if kind in (b"", b"application/x-www-form-urlencoded"):
        pairs = _urlencoded(body)
    elif kind == b"multipart/form-data":
        pairs = _multipart(body, options.get(b"boundary", b""))
    else:
        raise RefusedInput("a form is posted as application/x-www-form-urlencoded")
    fields: Fields = {}
    for name, text in pairs:
        fields.setdefault(name, []).append(text)
    return fields


def _urlencoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise RefusedInput("the form is not valid UTF-8 text, or has too many fields") from None


def parse_mail_fields(content_type: str, body: bytes) -> dict[str, bytes]:
    """Return the bytes of each field of a posted mail, or raise RefusedInput.

    Files are attachments and left out. A text may be in any charset.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise RefusedInput("a mail is posted as multipart/form-data")
    return dict(_fields(body, options.get(b"boundary", b"")))


def _multipart(body: bytes, boundary: bytes) -> list[tuple[str, str]]:
    try:
        return [(name, value.decode("utf-8")) for name, value in _fields(body, boundary)]
    except ValueError:
        raise RefusedInput("the multipart form cannot be read") from None


def _fields(body: bytes, boundary: bytes) -> list[tuple[str, bytes]]:
    pairs: list[tuple[str, bytes]] = []

    def keep(field: Field) -> None:
        if len(pairs) >= MOST_FIELDS:
            raise RefusedInput("the form has too many fields")
        pairs.append(((field.field_name or b"").decode("utf-8"), field.value or b""))

    try:
        parser = FormParser(
            "multipart/form-data",
            keep,
            lambda _: None,
            boundary=boundary,
            # What is posted goes to no file of whoever runs this.
            config={"MAX_MEMORY_FILE_SIZE": MAIL},
        )
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError):
        raise RefusedInput("the multipart form cannot be read") from None
    return pairs
