"""A server of append sessions that misbehaves: what each connection does is a function in its script."""

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from itertools import islice

from listener import Listener
from opendata_log.generated.log_pb2 import AppendRequest, AppendResponse, ErrorResponse
from opendata_log.session import framed

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/protobuf; delimited=true\r\nTransfer-Encoding: chunked\r\n\r\n"

PATIENCE_SECONDS = 30


class Connection:
    """A connection to it, from its request on."""

    def __init__(self, connection: socket.socket):
        self._socket, self._file = connection, connection.makefile("rb")
        self._frames = self._received()
        while self._file.readline() not in (b"\r\n", b""):
            pass

    def send(self, data: bytes):
        """Sends this as it is."""
        self._socket.sendall(data)

    def open(self):
        """Opens the session."""
        self.send(OK)

    def appends(self, most: int) -> list[AppendRequest]:
        """The next appends; fewer if no more come."""
        return list(islice(self._frames, most))

    def answer(self, sequence: int):
        """Answers an append of one record."""
        self._frame(AppendResponse(status="success", start_sequence=sequence, records_appended=1))

    def refuse(self, code: str, message: str = "scripted"):
        """Refuses an append, and ends the session in order."""
        self._frame(ErrorResponse(status="error", code=code, message=message))
        self.end()

    def end(self):
        """Ends the session in order."""
        self.send(b"0\r\n\r\n")

    def closed(self):
        """Waits until the client is gone."""
        with contextlib.suppress(OSError):
            while self._file.read1(65536):
                pass

    def reset(self):
        """Resets the connection."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self):
        """Closes what is read from; the server closes the rest."""
        self._file.close()

    def _frame(self, message):
        frame = framed(message.SerializeToString())
        self.send(b"%x\r\n%s\r\n" % (len(frame), frame))

    def _received(self) -> Iterator[AppendRequest]:
        received = bytearray()
        while left := int(self._file.readline() or b"0", 16):
            # A piece at a time: a chunk may have many appends.
            while left > 0 and (piece := self._file.read1(min(left, 65536))):
                received += piece
                left -= len(piece)
                while (frame := _whole(received)) is not None:
                    yield AppendRequest.FromString(frame)
            self._file.readline()


class Sessions(Listener):
    """The server: its first connection does what is first in its script, the last one also what all behind it do. With `buffer`, the system
    takes no more bytes for it than about so many.
    """

    def __init__(self, *script: Callable[[Connection], None], buffer: int | None = None):
        self._script = list(script)
        super().__init__(buffer=buffer)

    def _serve(self, connection: socket.socket, number: int):
        # The client may leave at any time.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE_SECONDS)
            with contextlib.closing(Connection(connection)) as asked:
                self._script[min(number, len(self._script) - 1)](asked)


def _whole(received: bytearray) -> bytes | None:
    """The first frame, which is taken off, if all of it is there."""
    length = shift = at = 0
    while True:
        if at == len(received):
            return None
        byte = received[at]
        length |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    if len(received) < at + length:
        return None
    frame = bytes(received[at:at + length])
    del received[:at + length]
    return frame
