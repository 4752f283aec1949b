#!/usr/bin/env python3
"""A way to another server that is cut: the first TIMES connections that carry more than BYTES in
either direction are closed there, with what they carried delivered; later ones are let through.
With --for-good, the first cut is the end: every connection is closed, and no new one gets through.

Whenever a connection opens or ends, a line of JSON says how many are open, how many were at most,
and what all of them have carried: {"open", "most", "up", "down"}.

usage: cut.py HOST:PORT TO-HOST:PORT BYTES [TIMES] [--for-good]
"""

import argparse
import json
import socket
import threading


def address(text: str) -> tuple[str, int]:
    host, port = text.rsplit(":", 1)
    return host, int(port)


class Way:
    def __init__(self, limit: int, times: int, for_good: bool) -> None:
        self.limit = limit
        self.left = times
        self.for_good = for_good
        self.closed = False
        self.lock = threading.Lock()
        self.sockets: set[socket.socket] = set()
        self.open = 0
        self.most = 0
        self.carried = {"up": 0, "down": 0}

    def tell(self, change: int) -> None:
        with self.lock:
            self.open += change
            self.most = max(self.most, self.open)
            print(json.dumps({"open": self.open, "most": self.most, **self.carried}), flush=True)

    def may_cut(self) -> bool:
        with self.lock:
            self.left -= 1
            if self.left < 0:
                return False
            self.closed = self.for_good
            return True

    def pump(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        carried = 0
        try:
            while not self.closed and (data := source.recv(65536)):
                cut = carried <= self.limit < carried + len(data) and self.may_cut()
                if cut:
                    data = data[: self.limit - carried]
                carried += len(data)
                with self.lock:
                    self.carried[direction] += len(data)
                sink.sendall(data)
                if cut:
                    break
        except OSError:
            pass
        for end in (source, sink):
            self.shut(end)
        if self.closed:
            for end in list(self.sockets):
                self.shut(end)

    @staticmethod
    def shut(end: socket.socket) -> None:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def carry(self, near: socket.socket, far: socket.socket) -> None:
        self.sockets |= {near, far}
        self.tell(1)
        back = threading.Thread(target=self.pump, args=(far, near, "down"), daemon=True)
        back.start()
        self.pump(near, far, "up")
        back.join()
        self.tell(-1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("here", type=address)
    parser.add_argument("there", type=address)
    parser.add_argument("bytes", type=int)
    parser.add_argument("times", type=int, nargs="?", default=1)
    parser.add_argument("--for-good", action="store_true")
    arguments = parser.parse_args()
    listener = socket.create_server(arguments.here)
    way = Way(arguments.bytes, arguments.times, arguments.for_good)
    while True:
        near, _ = listener.accept()
        try:
            if way.closed:
                raise ConnectionAbortedError
            far = socket.create_connection(arguments.there)
        except OSError:
            near.close()
            continue
        threading.Thread(target=way.carry, args=(near, far), daemon=True).start()


if __name__ == "__main__":
    main()
