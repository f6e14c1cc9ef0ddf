"""A server on this machine that plays Sketchfab's API."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PNG = b"\x89PNG\r\n\x1a\n a picture"
JSON, IMAGE = "application/json", "image/png"


class Api:
    """Answers by path: a function that is given the request's handler, 404 for what has none."""

    def __init__(self):
        self.requests, self.answers = [], {}
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                owner.requests.append(self.path)
                owner.answers.get(self.path, lambda handler: handler.send_error(404))(self)

            def log_message(self, *args):
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args):
                """Who asked has hung up."""

        self.http = Server(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self.http.server_port}"
        self.url = f"{self.root}/models"

    def models(self, *uids, widths=(100, 200, 400)):
        """Let models exist, with pictures of some widths."""
        for uid in uids:
            images = [{"uid": "x", "url": self.picture(uid, width), "width": width} for width in widths]
            self.answer(uid, json.dumps({"uid": uid, "thumbnails": {"images": images}}).encode())
            for width in widths:
                self.answers[f"/{uid}-{width}"] = sends(PNG, IMAGE)

    def answer(self, uid, body, content_type=JSON, status=200):
        self.answers[f"/models/{uid}"] = sends(body, content_type, status)

    def picture(self, uid, width=200):
        return f"{self.root}/{uid}-{width}"


def sends(body, content_type=JSON, status=200, **headers):
    """An answer."""

    def answer(handler):
        handler.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": len(body), **headers}.items():
            handler.send_header(name.replace("_", "-"), str(value))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def in_turn(*answers):
    """The first answer, then the second..., then the last one again and again."""
    left = list(answers)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)
