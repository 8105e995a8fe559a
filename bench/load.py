"""An HTTP load, as fast as it goes or at a rate: over keep-alive connections, from its own process."""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run saw: answers per second, the server's CPU microseconds per answer, latencies in milliseconds."""

    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    failures: int


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure(
    port: int, request: bytes, *, pid: int, connections: int, seconds: float, per_second: float | None = None
) -> Measured:
    """Send `request` for `seconds` to 127.0.0.1:`port` after a short warm-up; `pid` is the server's process.

    Each answer is followed by the next request at once; with `per_second`, requests are sent at that rate instead, and
    a request's latency counts from when it should have been sent (a late one is not forgiven its wait).
    """
    _run(port, request, connections, min(0.5, seconds), per_second)
    before = _cpu_seconds(pid)
    result = _run(port, request, connections, seconds, per_second)
    used = _cpu_seconds(pid) - before
    done = max(1, result["done"])
    return Measured(
        per_second=result["done"] / result["seconds"],
        cpu_us=used * 1e6 / done,
        p50_ms=result["p50_ms"],
        p99_ms=result["p99_ms"],
        failures=result["failures"],
    )


def measure_each(port: int, requests: list[bytes], *, pid: int, connections: int) -> Measured:
    """Send each of those requests once, as fast as it goes; otherwise as `measure`."""
    warm_up = len(requests) // 10
    _run(port, requests[:warm_up], connections, 30, None)
    before = _cpu_seconds(pid)
    result = _run(port, requests[warm_up:], connections, 30, None)
    used = _cpu_seconds(pid) - before
    done = max(1, result["done"])
    return Measured(done / result["seconds"], used * 1e6 / done, result["p50_ms"], result["p99_ms"], result["failures"])


def _run(port: int, request: bytes | list[bytes], connections: int, seconds: float, per_second: float | None) -> dict:
    each = isinstance(request, list)
    written = b"".join(b"%d\n" % len(one) + one for one in request) if isinstance(request, list) else request
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bench.load",
            str(port),
            str(connections),
            str(seconds),
            str(per_second or 0),
            str(int(each)),
        ],
        input=written,
        capture_output=True,
        check=True,
        timeout=seconds + 60,
    )
    return json.loads(done.stdout)


def _client(port: int, connections: int, seconds: float, requests: Iterator[bytes], per_second: float) -> dict:
    """One thread, non-blocking sockets: cheap enough not to be what is measured."""
    selector = selectors.DefaultSelector()
    started: dict[socket.socket, float] = {}
    buffers: dict[socket.socket, bytes] = {}
    latencies: list[float] = []
    idle: deque[socket.socket] = deque()
    failures = sent = 0

    def connect() -> None:
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ)
        buffers[sock] = b""
        idle.append(sock)

    def send_what_is_due(now: float) -> None:
        nonlocal sent, waiting
        while idle and waiting is not None and (not per_second or begin + sent / per_second <= now):
            sock = idle.popleft()
            buffers[sock], started[sock] = b"", begin + sent / per_second if per_second else time.perf_counter()
            sent += 1
            sock.sendall(waiting)
            waiting = next(requests, None)

    def wait(now: float) -> float:
        due = begin + sent / per_second if per_second and idle else end
        return max(0.0, min(due, end) - now)

    def close(sock: socket.socket) -> None:
        selector.unregister(sock)
        if sock in idle:
            idle.remove(sock)
        del buffers[sock]
        started.pop(sock, None)
        sock.close()

    waiting = next(requests, None)
    for _ in range(connections):
        connect()
    begin = time.perf_counter()
    end = begin + seconds
    while (now := time.perf_counter()) < end and (waiting is not None or len(idle) < connections):
        send_what_is_due(now)
        for key, _ in selector.select(timeout=wait(now)):
            sock = key.fileobj
            data = sock.recv(65536)
            buffers[sock] += data
            head, split, rest = buffers[sock].partition(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            if split and len(rest) >= length:
                latencies.append(time.perf_counter() - started[sock])
                failures += not head.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2"))
                # A server that ends each connection (HTTP/1.0) is asked over a new one, as a client would.
                if lines[0].startswith(b"http/1.0") or b"connection: close" in lines:
                    close(sock)
                    connect()
                else:
                    idle.append(sock)
            elif not data:
                failures += sock in started
                close(sock)
                connect()
    took = time.perf_counter() - begin
    latencies.sort()
    at = lambda share: latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1e3 if latencies else 0.0  # noqa: E731
    return {"done": len(latencies), "seconds": took, "p50_ms": at(0.5), "p99_ms": at(0.99), "failures": failures}


def _each(written: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(written):
        begin = written.index(b"\n", at) + 1
        at = begin + int(written[at:begin])
        yield written[begin:at]


if __name__ == "__main__":
    _port, _connections, _seconds, _rate, _once = sys.argv[1:]
    _written = sys.stdin.buffer.read()
    _requests = _each(_written) if int(_once) else repeat(_written)
    print(json.dumps(_client(int(_port), int(_connections), float(_seconds), _requests, float(_rate))))
