"""Clients of `examples/servers` in another language, by its standard library alone.

    client.py echo PORT CONNECTIONS
    client.py chat PORT MEMBERS
    client.py notes PORT
    client.py proxy PORT
    client.py pages          (serves the pages that the link checker and the proxy ask for; its first line is its port)

Each ends with status 0 if the server did as it should, else with what was wrong.
"""

import asyncio
import http.client
import http.server
import json
import sys
import threading
import time

PATIENCE = 60


async def echo(port, connections):
    async def one(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for line in [f"client {number}", "", "ä" * 1000, "last"]:
            writer.write(line.encode() + b"\r\n")
            back = await reader.readline()
            assert back == line.encode() + b"\n", (number, back)
        # What was begun and not ended is a line, too, once this side has nothing more to say.
        writer.write(b"no end")
        writer.write_eof()
        back = await reader.read()
        assert back == b"no end\n", (number, back)
        writer.close()

    await asyncio.gather(*(one(number) for number in range(connections)))


async def chat(port, count):
    members = []

    async def join(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"m{number}\n".encode())
        members.append((number, reader, writer))

    # Who joins is told to all that are there: the first hears of everybody else, and then all of them are members.
    await join(0)
    for start in range(1, count, 50):
        await asyncio.gather(*(join(number) for number in range(start, min(start + 50, count))))
    first = members[0][1]
    joined = {await first.readline() for _ in range(count - 1)}
    assert joined == {f"* m{number} joined\n".encode() for number in range(1, count)}, len(joined)

    speaker = count // 2
    next(writer for number, _, writer in members if number == speaker).write("hello, ü\n".encode())
    said = f"m{speaker}: hello, ü\n".encode()

    async def hears(number, reader):
        while True:
            line = await reader.readline()
            assert line, f"m{number} was left alone"
            if line == said:
                return
            assert line.endswith(b" joined\n"), line

    await asyncio.gather(*(hears(number, reader) for number, reader, _ in members if number != speaker))
    # One that vanishes without a word is missed by all others.
    number, _, writer = members.pop()
    writer.transport.abort()
    gone = f"* m{number} left\n".encode()
    for number, reader, _ in members:
        if number != speaker:
            assert await reader.readline() == gone, number


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request(method, path, body)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def notes(port):
    assert ask(port, "GET", "/notes") == (200, "[]\n")
    status, text = ask(port, "POST", "/notes", json.dumps({"text": "milk ü"}))
    made = json.loads(text)
    assert (status, made["text"]) == (201, "milk ü"), text
    path = f"/notes/{made['id']}"
    assert json.loads(ask(port, "GET", path)[1]) == made
    assert ask(port, "PUT", path, json.dumps({"text": "bread"}))[0] == 200
    assert json.loads(ask(port, "GET", "/notes")[1]) == [{"id": made["id"], "text": "bread"}]
    # One connection for many requests, a body in chunks among them.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.connect()
    socket = connection.sock
    for number in range(20):
        connection.request("POST", "/notes", iter([b'{"text": ', b'"in parts"}']), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})
        response = connection.getresponse()
        assert response.status == 201, (number, response.status)
        response.read()
        assert connection.sock is socket, "the connection was not kept"
    assert len(json.loads(ask(port, "GET", "/notes")[1])) == 21
    assert ask(port, "DELETE", path)[0] == 204
    assert ask(port, "GET", path)[0] == 404
    assert ask(port, "POST", "/notes", "{")[0] == 400


def proxy(port):
    assert ask(port, "GET", "/p3") == (200, "page /p3")
    assert ask(port, "GET", "/missing")[0] == 404
    assert ask(port, "GET", "/slow")[0] == 504
    threads, found = [], []
    for number in range(20):
        thread = threading.Thread(target=lambda number=number: found.append(ask(port, "GET", f"/p{number}")))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted((200, f"page /p{number}") for number in range(20)), found


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/slow":
            time.sleep(3)
        missing = self.path == "/missing"
        links = "".join(f'<a href="/p{number}">' for number in range(30)) + '<a href="/missing">'
        body = (links if self.path == "/" else f"page {self.path}").encode()
        try:
            self.send_response(404 if missing else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # Who asked has given up.

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


def pages():
    server = Server(("127.0.0.1", 0), Pages)
    print(server.server_port, flush=True)
    server.serve_forever()


def main():
    what, *numbers = sys.argv[1:]
    numbers = [int(number) for number in numbers]
    if what in ("echo", "chat"):
        asyncio.run(asyncio.wait_for(globals()[what](*numbers), PATIENCE))
    else:
        globals()[what](*numbers)


main()
