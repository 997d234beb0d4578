"""How routes are declared: a page answers GET and HEAD alike, a form names its body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response

Handler = Callable[..., Response]


def reads(router: APIRouter, path: str, *, listed: bool = True) -> Callable[[Handler], Handler]:
    """Declare a page: HEAD runs the same code as GET, whose body the server then leaves out."""

    def declare(handler: Handler) -> Handler:
        router.add_api_route(path, handler, methods=["GET"], include_in_schema=listed)
        router.add_api_route(path, handler, methods=["HEAD"], include_in_schema=False)
        return handler

    return declare


def form_body(description: str) -> dict[str, Any]:
    """Describe a posted form for the OpenAPI file; bodies are read and parsed by ourselves."""
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    return {
        "requestBody": {
            "description": description,
            "content": {
                "application/x-www-form-urlencoded": {"schema": schema},
                "multipart/form-data": {"schema": schema},
            },
        }
    }


def raw_body(description: str) -> dict[str, Any]:
    """Describe a signed JSON body."""
    return {
        "requestBody": {
            "description": description,
            "required": True,
            "content": {"application/json": {"schema": {}}},
        }
    }
