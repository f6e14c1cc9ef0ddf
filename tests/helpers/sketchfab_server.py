"""A local server that imitates the API of Sketchfab."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PNG = b"\x89PNG\r\n\x1a\n a picture"
JSON, IMAGE = "application/json", "image/png"


class Api:
    """Server with one response function per path, called with the request handler; other paths return 404."""

    def __init__(self):
        self.requests, self.answers = [], {}
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                owner.requests.append(self.path)
                owner.answers.get(self.path, lambda handler: handler.send_error(404))(self)

            def log_message(self, *args):
                """Log nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args):
                """Ignore clients that closed the connection."""

        self.http = Server(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self.http.server_port}"
        self.url = f"{self.root}/models"

    def models(self, *uids, widths=(100, 200, 400)):
        """Add models with pictures of the given widths."""
        for uid in uids:
            images = [{"uid": "x", "url": self.picture(uid, width), "width": width} for width in widths]
            self.answer(uid, json.dumps({"uid": uid, "thumbnails": {"images": images}}).encode())
            for width in widths:
                self.answers[f"/{uid}-{width}"] = sends(PNG, IMAGE)

    def answer(self, uid, body, content_type=JSON, status=200):
        """Set the response for a model."""
        self.answers[f"/models/{uid}"] = sends(body, content_type, status)

    def picture(self, uid, width=200):
        """Return the URL of a picture."""
        return f"{self.root}/{uid}-{width}"


def sends(body, content_type=JSON, status=200, **headers):
    """Return a function that sends this response."""

    def answer(handler):
        handler.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": len(body), **headers}.items():
            handler.send_header(name.replace("_", "-"), str(value))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def in_turn(*answers):
    """Return a function that sends these responses one after the other, repeating the last one."""
    left = list(answers)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)
