"""Asks a FastCGI server at 127.0.0.1 for one script, and prints what it answers.

usage: fcgi.py PORT SCRIPT

After the FastCGI specification 1.0: a request of one BEGIN_REQUEST, the parameters, and an empty
standard input; the answer's standard output up to its END_REQUEST.
"""

import socket
import struct
import sys
import time

BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7
RESPONDER = 1


def record(kind, content):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def parameter(name, value):
    name, value = name.encode(), value.encode()
    return struct.pack("BB", len(name), len(value)) + name + value


def connect(port):
    """It may still be starting."""
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=30)
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit(f"fcgi: nobody listens at port {port}")


def exactly(stream, size):
    data = stream.read(size)
    if len(data) != size:
        sys.exit("fcgi: the server closed the connection")
    return data


def main(port, script):
    parameters = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_METHOD": "GET",
        "SCRIPT_FILENAME": script,
        "SCRIPT_NAME": "/",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    request = record(BEGIN_REQUEST, struct.pack(">HB5x", RESPONDER, 0))
    request += record(PARAMS, b"".join(parameter(*each) for each in parameters.items()))
    request += record(PARAMS, b"") + record(STDIN, b"")
    with connect(int(port)) as connection:
        connection.sendall(request)
        stream = connection.makefile("rb")
        while True:
            _, kind, _, length, padding = struct.unpack(">BBHHBx", exactly(stream, 8))
            content = exactly(stream, length)
            exactly(stream, padding)
            if kind == END_REQUEST:
                return
            output = sys.stderr if kind == STDERR else sys.stdout
            output.buffer.write(content)


if __name__ == "__main__":
    main(*sys.argv[1:])
