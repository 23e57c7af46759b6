"""A server that sends prepared bytes, whatever HTTP demands."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable

# From the number of requests before to the bytes of a response; None closes the connection silently.
Script = Callable[[int, str], bytes | None]


def http_response(body: bytes, status: str = "200 OK", content_type: str = "image/jpeg", **headers: str) -> bytes:
    """A correct response, but for the headers given."""
    lines = {"Content-Type": content_type, "Content-Length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value != "")
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body


class ScriptedServer:
    """Runs in a thread; use it in a `with`."""

    def __init__(self, script: Script):
        self.script = script
        self.requested: Counter[str] = Counter()
        self.heads: list[str] = []
        self.open = self.most_open = 0

    def __enter__(self) -> "ScriptedServer":
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._loop.call_soon(ready.set)
        self._loop.run_forever()
        server.close()
        # Connections that a client left open.
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                text = head.decode("latin-1")
                target = text.split(" ")[1]
                length = next((line for line in text.split("\r\n") if line.lower().startswith("content-length:")), ":0")
                body = await reader.readexactly(int(length.split(":")[1]))
                self.heads.append(text + body.decode("latin-1"))
                before = self.requested[target]
                self.requested[target] += 1
                data = self.script(before, target)
                if data is None:
                    return
                writer.write(data)
                await writer.drain()
                if b"Connection: close" in data:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.open -= 1
            writer.close()
