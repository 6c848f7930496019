"""An HTTP/1.1 server on asyncio, whose TLS goes through memory: the library never sees a socket.

Arguments: address, port, access log, certificate, key. Answers every request with a small JSON object.
"""

import asyncio
import signal
import ssl
import sys

address, port, log_path, certificate, key = sys.argv[1:]
BODY = b'{"received":0}'


async def serve(reader, writer, log):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = 0
            for line in head.split("\r\n")[1:]:
                if line.lower().startswith("content-length:"):
                    length = int(line.split(":", 1)[1])
            if length:
                await reader.readexactly(length)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
            )
            await writer.drain()
            method, target, _ = head.split(" ", 2)
            log.write(f"{method} {target.split('?')[0]} 200\n")
            log.flush()
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        writer.close()


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    with open(log_path, "a", encoding="utf-8") as log:
        await asyncio.start_server(lambda r, w: serve(r, w, log), address, int(port), ssl=context)
        await stopped.wait()


asyncio.run(main())
