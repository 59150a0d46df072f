"""HTTP trigger: every request, whatever its path and method, is answered by the web app."""

from __future__ import annotations

import asyncio
from typing import Any

import azure.functions as func

from processing.wiring import web

blueprint = func.Blueprint()

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@blueprint.function_name("http")
@blueprint.route(route="{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def http(req: func.HttpRequest) -> func.HttpResponse:
    """The host hands over a whole request and takes a whole answer; the app itself asks for a key."""
    app = await asyncio.to_thread(web)  # the first call makes it, which takes a while
    return await answered(app.asgi, req)


async def answered(asgi: Any, req: func.HttpRequest) -> func.HttpResponse:
    """What an ASGI app answers; an address that is no text in UTF-8 does not reach it."""
    try:
        answer: func.HttpResponse = await func.AsgiMiddleware(asgi).handle_async(req)
    except ValueError:  # of the library, which reads the address: the app raises nothing
        from processing.web.problems import MEDIA_TYPE, unreadable_address

        return func.HttpResponse(unreadable_address(), status_code=400, headers={"Content-Type": MEDIA_TYPE})
    return answer
