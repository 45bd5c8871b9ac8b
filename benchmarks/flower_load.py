"""Measures Flower's Throughput page under a stream of records of no-op tasks.

    python -m benchmarks.flower_load
    python -m benchmarks.flower_load --seconds 10 --rate 20000

It starts its own broker and Flower but no workers; it writes the records as three probes would.
Exits with 1 if the median response takes more than 200 ms, if memory grows by more than a tenth in
the second half of the run, or if Flower did not count every record.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import psutil
import redis

from cluster.local import LocalCluster
from cluster.ports import free_port
from worker.probe import FLUSH_INTERVAL_S, RETENTION_S, STREAM, VERSION, microseconds

#: The limits for the page: median response time, and growth of memory in the second half.
MEDIAN_MS = 200.0
GROWTH = 1.10
POOLS = ("prefork", "threads", "gevent")
TASKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement of Flower."""

    at_s: float
    page_s: float
    news_s: float
    whole_s: float
    whole_bytes: int
    rss_bytes: int


def feed(server: redis.Redis, rate_per_s: int, until: float, sent: list[int]) -> None:
    """Write `rate_per_s` records per second as three probes would, until the monotonic `until`."""
    due, seq = time.monotonic(), 0
    share = round(rate_per_s * FLUSH_INTERVAL_S / len(POOLS))
    while due < until:
        for pool in POOLS:
            _write(server, pool, seq, share)
            sent[0] += share
        seq += 1
        due += FLUSH_INTERVAL_S
        time.sleep(max(0.0, due - time.monotonic()))


def _write(server: redis.Redis, pool: str, seq: int, count: int) -> None:
    now = time.time()
    now_us = microseconds(now)
    rows = [
        [{"run": "bench", "due": now_us - 10_000 - n * 10, "sent": now_us - 10_000},
         f"{seq}-{n}", f"noop.task{n % TASKS}", "1",
         now_us - 5_000, now_us - 4_000, now_us, "succeeded", False, 1_000]
        for n in range(count)
    ]  # fmt: skip
    body = {
        "v": VERSION, "kind": "rows", "node": f"{pool}@bench", "pool": pool, "slots": 4, "pid": 1,
        "seq": seq, "dropped": 0, "offset_s": 0.0,
        "error_s": 0.0, "rows": rows,
    }  # fmt: skip
    oldest = int((now - RETENTION_S) * 1_000)
    server.xadd(STREAM, {"b": json.dumps(body, separators=(",", ":"))}, minid=oldest)


def fetch(url: str) -> tuple[float, bytes]:
    """Return how many seconds a response took, and its body."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # Flower is on loopback
    before = time.perf_counter()
    with direct.open(url, timeout=30) as reply:
        body: bytes = reply.read()
    return time.perf_counter() - before, body


def measure(url: str, process: psutil.Process, cursor: str) -> tuple[Sample, str]:
    """Request the page, the news since `cursor`, and all data of the last 15 minutes."""
    page_s, _ = fetch(f"{url}/throughput")
    news_s, body = fetch(f"{url}/throughput/data?range_s=900&since={cursor}")
    whole_s, whole = fetch(f"{url}/throughput/data?range_s=900")
    sample = Sample(
        at_s=time.monotonic(),
        page_s=page_s,
        news_s=news_s,
        whole_s=whole_s,
        whole_bytes=len(whole),
        rss_bytes=process.memory_info().rss,
    )
    return sample, json.loads(body)["cursor"]


def _ms(values: list[float]) -> str:
    median, high = np.percentile(values, [50, 95]) * 1_000
    return f"median {median:.1f} ms, p95 {high:.1f} ms"


@click.command()
@click.option(
    "--rate",
    type=click.IntRange(100),
    default=10_000,
    show_default=True,
    help="Records per second.",
)
@click.option(
    "--seconds", type=click.IntRange(5), default=60, show_default=True, help="Duration of the run."
)
def main(rate: int, seconds: int) -> None:
    """Measure Flower under a stream of records."""
    click.echo(f"{rate} records/s for {seconds} s, {TASKS} tasks on {len(POOLS)} workers, one page")
    with LocalCluster(Path(tempfile.mkdtemp())) as cluster:
        child, url = cluster.start_flower(free_port())
        process = psutil.Process(child.pid)
        idle_bytes, sent = process.memory_info().rss, [0]
        began, cpu_before = time.monotonic(), process.cpu_times()
        arguments = (cluster.redis, rate, began + seconds, sent)
        feeder = threading.Thread(target=feed, args=arguments)
        feeder.start()
        samples, cursor = [], ""
        while time.monotonic() < began + seconds:
            sample, cursor = measure(url, process, cursor)
            samples.append(sample)
            time.sleep(max(0.0, 1.0 - (time.monotonic() - sample.at_s)))
        feeder.join()
        elapsed_s, cpu_after = time.monotonic() - began, process.cpu_times()
        time.sleep(1.5)
        counted = json.loads(fetch(f"{url}/throughput/data")[1])["finished"]
    cpu_s = cpu_after.user + cpu_after.system - cpu_before.user - cpu_before.system
    half, last = samples[len(samples) // 2].rss_bytes, samples[-1].rss_bytes
    click.echo(f"records   {sent[0]} written, {sent[0] / elapsed_s:.0f}/s; {counted} counted")
    click.echo(f"page      {_ms([one.page_s for one in samples])}")
    click.echo(f"update    {_ms([one.news_s for one in samples])}")
    click.echo(
        f"15 min    {_ms([one.whole_s for one in samples])}, {samples[-1].whole_bytes / 1e3:.0f} kB"
    )
    click.echo(
        f"memory    {idle_bytes / 1e6:.0f} MB idle, {half / 1e6:.0f} MB halfway, "
        f"{last / 1e6:.0f} MB at the end"
    )
    click.echo(f"CPU       {cpu_s / elapsed_s * 100:.1f} % of one core, including these requests")
    slow = max(
        float(np.median([getattr(one, name) for one in samples])) for name in ("page_s", "whole_s")
    )
    missed = {
        f"the slower median is {slow * 1_000:.0f} ms; the limit is {MEDIAN_MS} ms": (
            slow * 1_000 > MEDIAN_MS
        ),
        f"memory grew to {last / half:.2f} times in the second half; the limit is {GROWTH}": (
            last > half * GROWTH
        ),
        f"{sent[0]} records were written, but {counted} were counted": counted != sent[0],
    }
    if any(missed.values()):
        sys.exit("\n".join(f"failed: {text}" for text, failed in missed.items() if failed))


if __name__ == "__main__":
    main()
