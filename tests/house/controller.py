"""Stands in for the controller where only the house is looked at: it answers, and can be made deaf."""

import os
import signal

from aiohttp import web


async def answer(_request: web.Request) -> web.Response:
    """Alive."""
    return web.Response(text="ok")


async def nobody(_request: web.Request) -> web.Response:
    """Nobody works here."""
    return web.json_response([])


def main() -> None:
    """Serve until told to stop."""
    signal.signal(signal.SIGUSR1, lambda *_: signal.pause())
    app = web.Application()
    app.router.add_get("/health", answer)
    app.router.add_get("/ready", answer)
    app.router.add_get("/agents", nobody)
    app.router.add_post("/drain", answer)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["HOTLINE_WEB_PORT"]), print=None)


if __name__ == "__main__":
    main()
