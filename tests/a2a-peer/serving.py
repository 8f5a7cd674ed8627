"""Serving shared by both peers: flags, socket, middleware, start and stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import threading
import time

import uvicorn

CARD_PATH = '/.well-known/agent-card.json'


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--port', type=int, default=0, help='0, the default, lets the OS assign one')
    parser.add_argument('--bearer', metavar='TOKEN', help='require this bearer token on everything but the card')
    parser.add_argument('--bearer-card', action='store_true', help='require it on the card, too')
    parser.add_argument('--wire-log', metavar='FILE', help='append every exchange as JSON lines')
    parser.add_argument(
        '--drop-first-stream-after', type=int, metavar='N',
        help='cut the connection of the first event stream after N events; the task runs on',
    )  # fmt: skip
    parser.add_argument(
        '--ignore-stdin', action='store_true', help='do not stop when standard input closes (for use with </dev/null)'
    )
    return parser


def listen(port: int) -> tuple[socket.socket, str]:
    """Bind 127.0.0.1 before the card is made, because the card holds the URL."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(('127.0.0.1', port))
    return sock, f'http://127.0.0.1:{sock.getsockname()[1]}'


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to `serve` below."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


async def serve(app, sock: socket.socket, args: argparse.Namespace, ready: dict) -> None:
    """Serve until SIGTERM, SIGINT or the end of standard input, then return."""
    app = Tap(
        app, bearer=args.bearer, bearer_card=args.bearer_card, wire_log=args.wire_log, drop_after=args.drop_first_stream_after,
    )  # fmt: skip
    server = Server(uvicorn.Config(app, log_level='critical', timeout_graceful_shutdown=1, lifespan='off'))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, stop)
    if not args.ignore_stdin:

        def watch() -> None:
            with contextlib.suppress(OSError):
                while os.read(0, 4096):
                    pass
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(stop)

        threading.Thread(target=watch, daemon=True).start()

    sock.listen(128)  # so that a client may connect as soon as the line is out
    print(json.dumps(ready), flush=True)
    await server.serve(sockets=[sock])


class Tap:
    """ASGI middleware: bearer check, wire log, and cutting one stream short."""

    def __init__(
        self, app, bearer: str | None, bearer_card: bool, wire_log: str | None, drop_after: int | None
    ) -> None:
        self.app = app
        self.bearer = bearer
        self.open_paths = [] if bearer_card else [CARD_PATH]
        self.wire_log = wire_log
        self.drop_after = drop_after

    async def __call__(self, scope, receive, send) -> None:
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        record = {
            'time': time.time(),
            'method': scope['method'],
            'path': scope['path'] + (f'?{scope["query_string"].decode()}' if scope['query_string'] else ''),
            'headers': [[k.decode('latin-1'), v.decode('latin-1')] for k, v in scope['headers']],
            'body': '',
            'response': {'status': None, 'headers': [], 'chunks': []},
        }
        events = 0
        streaming = False

        async def tapped_receive():
            message = await receive()
            if message['type'] == 'http.request':
                record['body'] += message.get('body', b'').decode('utf-8', 'replace')
            return message

        async def tapped_send(message):
            nonlocal events, streaming
            if message['type'] == 'http.response.start':
                headers = [[k.decode('latin-1'), v.decode('latin-1')] for k, v in message['headers']]
                record['response'].update(status=message['status'], headers=headers)
                streaming = any(k.lower() == 'content-type' and 'text/event-stream' in v for k, v in headers)
            elif message['type'] == 'http.response.body':
                chunk = message.get('body', b'')
                if chunk:
                    record['response']['chunks'].append([time.time(), chunk.decode('utf-8', 'replace')])
                if streaming and chunk.lstrip().startswith((b'data:', b'id:', b'event:')):
                    if self.drop_after is not None and events >= self.drop_after:
                        self.drop_after = None
                        raise ConnectionAbortedError('stream cut on purpose')
                    events += 1
            await send(message)

        try:
            if self.bearer and scope['path'] not in self.open_paths and not self._authorized(scope):
                await _unauthorized(tapped_send)
            else:
                await self.app(scope, tapped_receive, tapped_send)
        finally:
            if self.wire_log:
                with open(self.wire_log, 'a', encoding='utf-8') as log:
                    log.write(json.dumps(record) + '\n')

    def _authorized(self, scope) -> bool:
        return (b'authorization', f'Bearer {self.bearer}'.encode()) in scope['headers']


async def _unauthorized(send) -> None:
    body = b'{"error":"missing or wrong bearer token"}'
    headers = [
        (b'content-type', b'application/json'),
        (b'content-length', str(len(body)).encode()),
        (b'www-authenticate', b'Bearer realm="a2a-peer"'),
    ]
    await send({'type': 'http.response.start', 'status': 401, 'headers': headers})
    await send({'type': 'http.response.body', 'body': body})
