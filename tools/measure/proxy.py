"""A proxy in front of an S3 server on this machine, which counts requests, and can make the server as far away as an object store is. It is a
process of its own, so that what asks through it does not wait for it."""

import asyncio
import collections
import contextlib
import json
import re
import signal
import subprocess
import sys

PIECE = 1 << 18


class Proxy:
    """Passes connections on to a port, with all that comes back delayed by so much, however much it is. Answers are not slowed down
    otherwise: what follows a delayed piece is delayed from when it came, not from when the piece went out."""

    def __init__(self, port: int, seconds: float = 0):
        self.process = subprocess.Popen([sys.executable, __file__, str(port), str(seconds)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.port = int(self.process.stdout.readline())

    def requests(self) -> dict[str, int]:
        """Requests that it has passed on, by their kind: `get`, `head`, `put`, `post`, `delete`, `list`."""
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


async def serve(target: int, seconds: float):
    """Prints the port that it listens on, and serves until the process ends."""
    tasks, requests = set(), collections.Counter()

    async def connection(from_client, to_client):
        # The loop itself keeps no task alive.
        tasks.add(asyncio.current_task())
        with contextlib.suppress(OSError):
            await delayed(from_client, to_client, target, seconds, requests)
        to_client.close()
        tasks.discard(asyncio.current_task())

    listening = await asyncio.start_server(connection, "127.0.0.1", 0)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: print(json.dumps(requests), flush=True))
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


def kinds(data: bytes) -> list[str]:
    """The kinds of the requests whose heads begin in a piece of a connection. A head comes in one piece, as it is small. Most of what is passed on
    are bodies, so they are only searched for the end of a first line."""
    *lines, _ = (part.rpartition(b"\r\n")[2] for part in data.split(b" HTTP/1.1\r\n"))
    heads = [head.groups() for line in lines if (head := re.fullmatch(rb"(GET|HEAD|PUT|POST|DELETE) (\S+)", line))]
    return ["list" if b"list-type=" in target else method.decode().lower() for method, target in heads]


async def delayed(from_client, to_client, target: int, seconds: float, requests: collections.Counter):
    """One connection, until the server or the client closes it."""
    from_server, to_server = await asyncio.open_connection("127.0.0.1", target)
    loop, answers = asyncio.get_running_loop(), asyncio.Queue()

    async def ask():
        with contextlib.suppress(OSError):
            while data := await from_client.read(PIECE):
                requests.update(kinds(data))
                to_server.write(data)
                await to_server.drain()
            to_server.write_eof()

    async def receive():
        data = b"-"
        while data:
            try:
                data = await from_server.read(PIECE)
            except OSError:
                data = b""
            answers.put_nowait((loop.time() + seconds, data))

    parts = [asyncio.create_task(ask()), asyncio.create_task(receive())]
    try:
        while True:
            due, data = await answers.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                return
            to_client.write(data)
            await to_client.drain()
    finally:
        for part in parts:
            part.cancel()
        to_server.close()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
