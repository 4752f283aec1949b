#!/usr/bin/env python3
"""Serves a directory as a mirror would, or as a mirror should not.

usage: serve.py [--rules FILE] [--log FILE] [--cert FILE --key FILE] [--proxy] [--port N] DIR

Listens on 127.0.0.1, prints 'PORT' as its first line, and ends when its standard input does, so
that no test leaves a server behind. Ranges, ETags, If-Range, Last-Modified, Date and HEAD are as
of a real server, a directory is listed; a path with '..' is refused.

FILE of --rules is a JSON list, read anew at each request; the first rule whose 'path' (a glob of
the path without its query) matches is obeyed:
  path           "/releases/*.xz"
  times          obey only for the first N requests that match (counted for each rule and path)
  status         answer with this status and a short text instead
  html           answer 200 (or 'status') with a login page instead of the file
  redirect       302 to this URL ('{path}' is the path asked for)
  swap           serve this other path's bytes
  cut_after      close the connection after so many bytes of the body
  slow           at most so many bytes a second
  pause          seconds before anything is answered
  ignore_range   answer 200 with everything
  no_etag        leave ETag out
  etag           this one instead
  truncate       serve the first N bytes only, as if that were the file
  append         serve N more bytes, as if they were the file's
  flip           serve it with the byte at this offset changed
  announce       claim this Content-Length, whatever is sent
  chunked        leave Content-Length out
  range_from     answer ranges as if they began at this byte
  headers        {"Date": "…"}: more fields, or others in place of the usual ones
The log has one JSON object a request: method, path, host, range, if_range, agent,
authorization, status.
--proxy forwards 'GET http://…' requests instead of serving DIR, and refuses CONNECT with 403.
"""

import argparse
import email.utils
import fnmatch
import hashlib
import http.server
import json
import os
import pathlib
import sys
import threading
import time
import urllib.parse

CHUNK = 64 << 10
LOGIN = b"<!doctype html><title>Welcome</title><p>Please accept the terms of this network.\n"


class Rules:
    """The rules file and how often each rule was obeyed for a path."""

    def __init__(self, path):
        self.path = path
        self.counts = {}
        self.lock = threading.Lock()

    def find(self, path):
        if self.path is None or not self.path.is_file():
            return {}
        for number, rule in enumerate(json.loads(self.path.read_text(encoding="utf-8"))):
            if not fnmatch.fnmatchcase(path, rule["path"]):
                continue
            if "times" in rule:
                key = (json.dumps(rule, sort_keys=True), number, path)
                with self.lock:
                    self.counts[key] = self.counts.get(key, 0) + 1
                    if self.counts[key] > rule["times"]:
                        continue
            return rule
        return {}


class Log:
    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()

    def add(self, entry):
        if self.path is None:
            return
        with self.lock, self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(entry) + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mirror"
    sys_version = ""
    timeout = 60
    disable_nagle_algorithm = True  # head and body are two writes: 40 ms between them else

    def do_GET(self):
        self.answer(body=True)

    def do_HEAD(self):
        self.answer(body=False)

    def do_CONNECT(self):
        self.plain(403, b"no tunnels here\n", body=True)

    def log_message(self, *_):
        pass

    def answer(self, body):
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path)
        self.rule = self.server.rules.find(path)
        time.sleep(self.rule.get("pause", 0))
        if self.server.proxy:
            self.forward(body)
        elif "redirect" in self.rule:
            self.redirect(self.rule["redirect"].replace("{path}", url.path))
        elif "html" in self.rule:
            self.plain(self.rule.get("status", 200), LOGIN, body, "text/html; charset=utf-8")
        elif "status" in self.rule:
            self.plain(self.rule["status"], b"so it is\n", body)
        else:
            self.file(self.rule.get("swap", path), body)

    def forward(self, body):
        # Imported where it is needed: tests wait for this program to start.
        import urllib.error
        import urllib.request

        if not self.path.startswith("http://"):
            self.plain(400, b"this is a proxy\n", body)
            return
        request = urllib.request.Request(self.path, method=self.command)
        for name in ("Range", "If-Range", "User-Agent"):
            if name in self.headers:
                request.add_header(name, self.headers[name])
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            reply = opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            reply = error
        except OSError as error:
            self.plain(502, f"{error}\n".encode(), body)
            return
        with reply:
            data = reply.read()
            fields = {
                name: reply.headers[name]
                for name in ("Content-Range", "Content-Type", "ETag", "Last-Modified")
                if name in reply.headers
            }
            self.head(reply.status, {**fields, "Content-Length": str(len(data))})
        if body:
            self.wfile.write(data)

    def redirect(self, target):
        self.head(302, {"Location": target, "Content-Length": "0"})

    def plain(self, status, text, body, kind="text/plain"):
        self.head(status, {"Content-Type": kind, "Content-Length": str(len(text))})
        if body:
            self.wfile.write(text)

    def head(self, status, fields):
        """Sends status and fields; the rule's own take the place of equal ones."""
        self.server.log.add(
            {
                "method": self.command,
                "path": self.path,
                "host": self.headers.get("Host", ""),
                "range": self.headers.get("Range", ""),
                "if_range": self.headers.get("If-Range", ""),
                "agent": self.headers.get("User-Agent", ""),
                "authorization": self.headers.get("Authorization", ""),
                "status": status,
            }
        )
        rule = getattr(self, "rule", {})
        self.send_response_only(status)
        fields = {"Date": email.utils.formatdate(usegmt=True), **fields, **rule.get("headers", {})}
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()

    def content(self, path):
        """The file or directory; None when there is none."""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if ".." in parts:
            return None
        target = self.server.root.joinpath(*parts)
        return target if target.is_file() or target.is_dir() else None

    def listing(self, directory, body):
        names = sorted(entry.name + "/" * entry.is_dir() for entry in directory.iterdir())
        page = "".join(f'<a href="{urllib.parse.quote(name)}">{name}</a>\n' for name in names)
        self.plain(200, page.encode(), body, "text/html; charset=utf-8")

    def file(self, path, body):
        target = self.content(path)
        if target is not None and target.is_dir() and path.endswith("/"):
            self.listing(target, body)
            return
        if target is None or target.is_dir():
            self.plain(404, b"no such file\n", body)
            return
        rule = self.rule
        info = target.stat()
        size = min(info.st_size, rule.get("truncate", info.st_size)) + rule.get("append", 0)
        tag = hashlib.sha256(f"{info.st_ino} {info.st_size} {info.st_mtime_ns}".encode())
        etag = rule.get("etag", f'"{tag.hexdigest()[:24]}"')
        fields = {
            "Content-Type": "application/octet-stream",
            "Last-Modified": email.utils.formatdate(info.st_mtime, usegmt=True),
        }
        if not rule.get("no_etag"):
            fields["ETag"] = etag
        if not rule.get("ignore_range"):
            fields["Accept-Ranges"] = "bytes"
        first, last = self.range_of(size, etag)
        if first is None:
            self.head(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
            return
        status = 200
        if (first, last) != (0, size - 1) or self.wants_range(etag):
            status = 206
            first = rule.get("range_from", first)
            fields["Content-Range"] = f"bytes {first}-{last}/{size}"
        length = last - first + 1
        if rule.get("chunked"):
            fields["Transfer-Encoding"] = "chunked"
        else:
            fields["Content-Length"] = str(rule.get("announce", length))
        self.head(status, fields)
        if body:
            self.send_file(target, first, length, info.st_size)

    def wants_range(self, etag):
        if self.rule.get("ignore_range") or "Range" not in self.headers:
            return False
        return self.headers.get("If-Range", etag) == etag

    def range_of(self, size, etag):
        """First and last byte to send; (None, None) when the range cannot be had."""
        if not self.wants_range(etag):
            return 0, size - 1
        unit, _, text = self.headers["Range"].partition("=")
        first, _, last = text.partition("-")
        if unit != "bytes" or not first.isdigit():
            return 0, size - 1
        if int(first) >= size:
            return None, None
        return int(first), min(int(last), size - 1) if last.isdigit() else size - 1

    def send_file(self, target, first, length, real_size):
        rule = self.rule
        cut = rule.get("cut_after")
        flip = rule.get("flip")
        sent = 0
        began = time.monotonic()
        with target.open("rb") as source:
            source.seek(min(first, real_size))
            while sent < length:
                count = min(CHUNK, length - sent)
                if cut is not None:
                    count = min(count, cut - sent)
                if "slow" in rule:
                    count = max(1, min(count, rule["slow"] // 20))
                if count <= 0:
                    break
                data = source.read(count).ljust(count, b"\0")
                at = first + sent
                if flip is not None and at <= flip < at + count:
                    index = flip - at
                    data = data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]
                if rule.get("chunked"):
                    data = f"{len(data):x}\r\n".encode() + data + b"\r\n"
                self.wfile.write(data)
                sent += count
                if "slow" in rule:
                    self.wfile.flush()
                    time.sleep(max(0, sent / rule["slow"] - (time.monotonic() - began)))
        if cut is not None and sent < length or "announce" in rule:
            self.close_connection = True
        elif rule.get("chunked"):
            self.wfile.write(b"0\r\n\r\n")

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # a client that leaves, or speaks no TLS, is no news


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--rules", type=pathlib.Path)
    parser.add_argument("--log", type=pathlib.Path)
    parser.add_argument("--cert", type=pathlib.Path)
    parser.add_argument("--key", type=pathlib.Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--proxy", action="store_true")
    options = parser.parse_args()

    server = Server(("127.0.0.1", options.port), Handler)
    server.root = options.dir
    server.rules = Rules(options.rules)
    server.log = Log(options.log)
    server.proxy = options.proxy
    if options.cert:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        # The handshake belongs to the connection's own thread: a client that never begins one
        # must not keep others out.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while os.read(0, 4096):
        pass


if __name__ == "__main__":
    main()
