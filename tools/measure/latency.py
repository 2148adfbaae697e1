"""A proxy that makes a server on this machine as far away as an object store is."""

import asyncio
import contextlib
import threading

PIECE = 1 << 18


class Latency:
    """Passes connections on to a port, with all that comes back delayed by so much, however much it is. Answers are not slowed down
    otherwise: what follows a delayed piece is delayed from when it came, not from when the piece went out."""

    def __init__(self, port: int, seconds: float):
        self.target, self.seconds, self.port = port, seconds, 0
        self.loop = asyncio.new_event_loop()
        self.is_up = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.is_up.wait()

    def end(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        listening = self.loop.run_until_complete(asyncio.start_server(self._connection, "127.0.0.1", 0))
        self.port = listening.sockets[0].getsockname()[1]
        self.is_up.set()
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()

    async def _connection(self, from_client, to_client):
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        answers = asyncio.Queue()

        async def ask():
            while data := await from_client.read(PIECE):
                to_server.write(data)
                await to_server.drain()
            to_server.write_eof()

        async def receive():
            while data := await from_server.read(PIECE):
                answers.put_nowait((self.loop.time() + self.seconds, data))
            answers.put_nowait((self.loop.time() + self.seconds, b""))

        async def answer():
            while True:
                due, data = await answers.get()
                await asyncio.sleep(due - self.loop.time())
                if not data:
                    break
                to_client.write(data)
                await to_client.drain()

        async def guarded(part):
            with contextlib.suppress(OSError):
                await part

        asking, receiving = asyncio.create_task(guarded(ask())), asyncio.create_task(guarded(receive()))
        await guarded(answer())
        for part in (asking, receiving):
            part.cancel()
        for end in (to_client, to_server):
            end.close()
