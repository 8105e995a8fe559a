"""A closed-loop HTTP load: a fixed request over keep-alive connections, from a process of its own."""

from __future__ import annotations

import json
import selectors
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
    selector = selectors.DefaultSelector()
    started: dict[socket.socket, float] = {}
    buffers: dict[socket.socket, bytes] = {}
    latencies: list[float] = []
    failures = 0

    def connect() -> None:
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ)
        send(sock)

    def send(sock: socket.socket) -> None:
        buffers[sock], started[sock] = b"", time.perf_counter()
        sock.sendall(request)

    def close(sock: socket.socket) -> None:
        selector.unregister(sock)
        del buffers[sock], started[sock]
        sock.close()

    for _ in range(connections):
        connect()
    begin = time.perf_counter()
    end = begin + seconds
    while (now := time.perf_counter()) < end:
        for key, _ in selector.select(timeout=end - now):
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
                    send(sock)
            elif not data:
                failures += 1
                close(sock)
                connect()
    took = time.perf_counter() - begin
    latencies.sort()
    at = lambda share: latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1e3 if latencies else 0.0  # noqa: E731
    return {"done": len(latencies), "seconds": took, "p50_ms": at(0.5), "p99_ms": at(0.99), "failures": failures}


if __name__ == "__main__":
    print(json.dumps(_client(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.stdin.buffer.read())))
