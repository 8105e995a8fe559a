"""A closed-loop HTTP load: a fixed request over keep-alive connections, from a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


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


def measure(port: int, request: bytes, *, pid: int, connections: int, seconds: float) -> Measured:
    """Send `request` for `seconds` to 127.0.0.1:`port` after a short warm-up; `pid` is the server's process."""
    _run(port, request, connections, min(0.5, seconds))
    before = _cpu_seconds(pid)
    result = _run(port, request, connections, seconds)
    used = _cpu_seconds(pid) - before
    done = max(1, result["done"])
    return Measured(
        per_second=result["done"] / result["seconds"],
        cpu_us=used * 1e6 / done,
        p50_ms=result["p50_ms"],
        p99_ms=result["p99_ms"],
        failures=result["failures"],
    )


def _run(port: int, request: bytes, connections: int, seconds: float) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", str(port), str(connections), str(seconds)],
        input=request,
        capture_output=True,
        check=True,
        timeout=seconds + 60,
    )
    return json.loads(done.stdout)


def _client(port: int, connections: int, seconds: float, request: bytes) -> dict:
    """One thread, non-blocking sockets: cheap enough not to be what is measured."""
    import selectors

    selector = selectors.DefaultSelector()
    started: dict[socket.socket, float] = {}
    buffers: dict[socket.socket, bytes] = {}
    latencies: list[float] = []
    failures = 0
    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ)
        buffers[sock] = b""
        started[sock] = time.perf_counter()
        sock.sendall(request)
    begin = time.perf_counter()
    end = begin + seconds
    while True:
        now = time.perf_counter()
        if now >= end:
            break
        for key, _ in selector.select(timeout=end - now):
            sock = key.fileobj
            buffers[sock] += sock.recv(65536)
            head, split, rest = buffers[sock].partition(b"\r\n\r\n")
            if not split:
                continue
            length = next(int(h[15:]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:"))
            if len(rest) < length:
                continue
            buffers[sock] = rest[length:]
            moment = time.perf_counter()
            latencies.append(moment - started[sock])
            failures += not head.startswith(b"HTTP/1.1 2")
            started[sock] = moment
            sock.sendall(request)
    took = time.perf_counter() - begin
    latencies.sort()
    at = lambda share: latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1e3 if latencies else 0.0  # noqa: E731
    return {"done": len(latencies), "seconds": took, "p50_ms": at(0.5), "p99_ms": at(0.99), "failures": failures}


if __name__ == "__main__":
    print(json.dumps(_client(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.stdin.buffer.read())))
