#!/usr/bin/env python3
"""A registry that lies, without TLS: it gives the image of a layout under every repository, and the
repository's name says what is wrong with it. Requests are logged, a line of JSON each.

usage: liar.py HOST:PORT LAYOUT LOG [ELSEWHERE-HOST:PORT]

  honest    nothing          flip     a bit of each layer      short    layers end early
  longer    layers go on     size     HEAD gives another size  huge     an endless manifest
  other     a manifest of another digest                       type     HTML as a manifest
  away      layers are ELSEWHERE, by redirect                  loop     redirects to itself
  token     wants a token of /token, which wants user and password
  evil      names ELSEWHERE as its token service               docker   docker's own types
  busy      429 twice, then honest                             broken   500 always
  small     413 for requests with more than 1 MiB              full     507 for blobs
  slow      cuts the first upload after a megabyte, and tells how much it has
  refers    has the API of referrers                           keeps    has no blobs, keeps what arrives of
            an upload and tells how much it has
"""

import base64
import hashlib
import http.server
import json
import pathlib
import re
import sys
import threading

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


class State:
    def __init__(self) -> None:
        self.layout = pathlib.Path(sys.argv[2])
        self.log = open(sys.argv[3], "a", encoding="utf-8", buffering=1)
        self.elsewhere = sys.argv[4] if len(sys.argv) > 4 else ""
        self.lock = threading.Lock()
        self.counts: dict[str, int] = {}
        self.uploads: dict[str, bytearray] = {}
        index = json.loads((self.layout / "index.json").read_text())
        self.manifest = self.blob(index["manifests"][0]["digest"])
        self.layers = [layer["digest"] for layer in json.loads(self.manifest)["layers"]]

    def blob(self, digest: str) -> bytes:
        path = self.layout / "blobs" / digest.replace(":", "/")
        return path.read_bytes() if path.exists() else b""

    def count(self, what: str) -> int:
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1
            return self.counts[what]


def docker_manifest(text: bytes) -> bytes:
    document = json.loads(text)
    document["mediaType"] = DOCKER
    document["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json"
    for layer in document["layers"]:
        layer["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    return json.dumps(document).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments) -> None:
        pass

    def say(self, status: int, body: bytes = b"", **fields: str) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in fields:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def note(self, **more) -> None:
        state.log.write(json.dumps({"method": self.command, "path": self.path,
                                    "authorization": self.headers.get("Authorization"),
                                    "range": self.headers.get("Content-Range"), **more}) + "\n")

    def may(self, mode: str) -> bool:
        given = self.headers.get("Authorization") or ""
        if mode == "token" and given != "Bearer good":
            self.say(401, WWW_Authenticate='Bearer realm="http://%s/token",service="liar",'
                     'scope="repository:token:pull"' % self.headers["Host"])
            return False
        if mode == "evil":
            self.say(401, WWW_Authenticate=f'Bearer realm="ftp://{state.elsewhere}/token"')
            return False
        return True

    def token(self) -> None:
        wanted = "Basic " + base64.b64encode(b"writer:writerpass").decode()
        if self.headers.get("Authorization") != wanted:
            return self.say(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}')
        return self.say(200, b'{"access_token":"good","expires_in":60}')

    def do_GET(self) -> None:
        self.note()
        if self.path.startswith("/token?"):
            return self.token()
        if self.path.rstrip("/") == "/v2":
            return self.say(200, b"{}")
        match = re.fullmatch(r"/v2/(\w+)/(manifests|blobs/uploads|blobs|referrers)/(.+)", self.path)
        if not match:
            return self.say(404)
        mode, kind, name = match.groups()
        if not self.may(mode):
            return None
        if mode == "broken":
            return self.say(500, b'{"errors":[{"code":"UNKNOWN","message":"it broke"}]}')
        if mode == "busy" and state.count("busy") <= 2:
            return self.say(429, Retry_After="1")
        if kind == "manifests":
            return self.give_manifest(mode, name)
        if kind == "blobs/uploads" and name in state.uploads:
            have = len(state.uploads[name])
            return self.say(204, Range=f"0-{have - 1}", Location=self.path)
        if kind == "blobs":
            return self.give_blob(mode, name)
        return self.say(404)

    do_HEAD = do_GET

    def give_manifest(self, mode: str, name: str) -> None:
        text, media_type = state.manifest, MANIFEST
        if name.startswith("sha256-"):  # what stands for an API of referrers
            return self.say(404)
        if mode == "huge":
            self.say(200, b"", Content_Type=MANIFEST, Content_Length=str(1 << 40))
            while True:
                self.wfile.write(b" " * 65536)
        if mode == "other":
            text += b" "
        if mode == "type":
            return self.say(200, b"<html>log in</html>", Content_Type="text/html")
        if mode == "docker":
            text, media_type = docker_manifest(text), DOCKER
        if name.startswith("sha256:") and mode != "other":
            if hashlib.sha256(text).hexdigest() != name[7:]:
                return self.say(404)
        return self.say(200, text, Content_Type=media_type)

    def give_blob(self, mode: str, digest: str) -> None:
        data = state.blob(digest)
        if not data or mode in ("small", "slow", "full", "keeps"):
            return self.say(404)
        if mode == "loop":
            return self.say(307, Location=self.path)
        if mode == "away" and digest in state.layers:
            return self.say(307, Location=f"http://{state.elsewhere}/v2/honest/blobs/{digest}")
        if self.command == "HEAD":
            return self.say(200, Content_Length=str(len(data) + (mode == "size")))
        if digest in state.layers:
            if mode == "flip":
                data = data[:100] + bytes([data[100] ^ 1]) + data[101:]
            if mode == "short":
                self.close_connection = True
                self.send_response(200)
                self.end_headers()
                self.wfile.write(data[: len(data) // 2])
                return None
            if mode == "longer":
                self.close_connection = True
                self.send_response(200)
                self.end_headers()
                self.wfile.write(data + b"more")
                return None
        return self.say(200, data)

    def do_POST(self) -> None:
        self.note()
        mode = self.path.split("/")[2]
        if mode == "full":
            return self.say(507)
        name = f"u{state.count('upload')}"
        state.uploads[name] = bytearray()
        return self.say(202, Location=f"/v2/{mode}/blobs/uploads/{name}")

    def do_PATCH(self) -> None:
        length = int(self.headers["Content-Length"])
        self.note(bytes=length)
        _, _, mode, _, _, name = self.path.split("/")
        upload = state.uploads[name]
        if mode == "small" and length > 1 << 20:
            self.close_connection = True
            return self.say(413)
        if mode == "slow" and state.count("slow") == 1:
            upload += self.rfile.read(1 << 20)
            self.close_connection = True
            return None
        while length:
            data = self.rfile.read1(min(length, 65536))
            if not data:  # cut
                self.close_connection = True
                return None
            upload += data
            length -= len(data)
        return self.say(202, Location=self.path, Range=f"0-{len(upload) - 1}")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.note(bytes=len(body))
        if "/manifests/" in self.path:
            subject = json.loads(body).get("subject")
            if "/refers/" in self.path and subject:
                return self.say(201, OCI_Subject=subject["digest"])
            return self.say(201)
        name, query = self.path.split("/")[5].split("?")
        data = bytes(state.uploads[name]) + body
        wanted = query.removeprefix("digest=sha256%3A")
        if hashlib.sha256(data).hexdigest() != wanted:
            return self.say(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"no match"}]}')
        return self.say(201)


state = State()
host, port = sys.argv[1].rsplit(":", 1)
http.server.ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
