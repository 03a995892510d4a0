"""Forward a port of loopback to another one: ``python forward_port.py FROM TO``."""

import sys

import trio


async def main(port: int, to: int) -> None:
    async def serve(client: trio.SocketStream) -> None:
        server = await trio.open_tcp_stream("127.0.0.1", to)
        async with client, server, trio.open_nursery() as nursery:
            nursery.start_soon(copy, client, server)
            nursery.start_soon(copy, server, client)

    await trio.serve_tcp(serve, port, host="127.0.0.1")


async def copy(source: trio.SocketStream, target: trio.SocketStream) -> None:
    try:
        async for data in source:
            await target.send_all(data)
        await target.send_eof()
    except trio.BrokenResourceError:
        await trio.aclose_forcefully(target)


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), int(sys.argv[2]))
