"""Serve the app: ``python app.py --run runs/demo``. Nothing runs at import."""

from __future__ import annotations

import argparse
import logging
import socket
import sys

from precompute.errors import MotiflensError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="app.py", description="Serve a motiflens run.")
    parser.add_argument("--run", default="runs/demo", help="run folder (default: runs/demo)")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: local only)")
    parser.add_argument("--port", type=int, default=8050, help="port (default: 8050)")
    parser.add_argument("--threads", type=int, default=8, help="requests served at a time")
    return parser


def _address(host: str, port: int) -> str:
    """URL to open in a browser; an address that means every interface is reached locally."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/"


def _require_port(host: str, port: int) -> None:
    if not 0 < port < 65536:
        raise MotiflensError(f"port {port} does not exist; choose one from 1 to 65535 with --port")
    try:
        family = socket.getaddrinfo(host, port)[0][0]
    except socket.gaierror:
        raise MotiflensError(f"the host {host!r} is unknown; use --host 127.0.0.1") from None
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise MotiflensError(
                f"port {port} on {host} cannot be used ({error.strerror}); stop what uses it or "
                f"choose another, for example --port {port + 1 if port < 65535 else 8050}"
            ) from None


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; a user's mistake is one sentence and exit code 2."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        if not 1 <= options.threads <= 256:
            raise MotiflensError(
                f"{options.threads} threads cannot serve; choose 1 to 256 with --threads"
            )
        _require_port(options.host, options.port)
        from vizapp import create_app

        app = create_app(options.run)
    except MotiflensError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    from waitress import serve

    url = _address(options.host, options.port)
    sys.stderr.write(f"motiflens is at {url} (Ctrl+C stops it)\n")
    # Looking one request ahead is how a handler learns that the browser has given up.
    serve(app.server, host=options.host, port=options.port, threads=options.threads, ident=None,
          channel_request_lookahead=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
