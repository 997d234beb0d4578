"""`nurture serve`: the pages behind links in mails, forms, hooks, and the operator's pages."""

from __future__ import annotations

from typing import Annotated

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.show import say
from nurture.cli.web_site import BEHIND_PROXY, OPERATOR_TOKEN, port_of, web_app

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[
    int | None, typer.Option(min=1, max=65535, help="The port; else the public URL's, else 8321.")
]


def serve(context: typer.Context, host: Host = "127.0.0.1", port: Port = None) -> None:
    """Serve the pages behind the links in mails, the forms, the hooks and the operator's pages."""
    import uvicorn

    from nurture.web.serving import listen

    with opened(place_of(context), make=True) as app, web_app(app) as pages:
        number = port or port_of(app)
        with listen(host, number) as socket:
            say(f"Pages are at http://{host}:{number}; end with Ctrl-C.")
            say(
                f"Operator's pages open on this machine only, unless {OPERATOR_TOKEN} is set; "
                f"behind a proxy, set {BEHIND_PROXY}=1.",
                style="dim",
            )
            # The site itself knows whether a proxy may be believed.
            config = uvicorn.Config(pages, log_level="warning", proxy_headers=False, lifespan="off")
            uvicorn.Server(config).run(sockets=[socket])
