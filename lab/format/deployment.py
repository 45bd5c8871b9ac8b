"""Advice as compose services, systemd units and Kubernetes Deployments: pure text."""

from __future__ import annotations

from dataclasses import dataclass

from lab.format.advice import is_recommended, route_lines, service
from lab.results.advice import AdviceResult, Answer, WorkerGroup

#: Memory to allow beyond the highest that was measured.
HEADROOM = 1.5
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployments:
    """Texts to paste."""

    compose: str
    systemd: str
    kubernetes: str
    routes: str = ""  # the setting that sends tasks to the queues of several groups


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Identical workers to deploy."""

    name: str  # of the service, and of each node up to the @
    command: str
    workers: int
    mib: int  # memory of each worker

    @classmethod
    def of(cls, name: str, command: str, workers: int, peak_bytes: int) -> _Group:
        """`peak_bytes` is the memory of all of the workers together."""
        mib = max(128, round(HEADROOM * peak_bytes / max(1, workers) / MIB / 64 + 0.5) * 64)
        return cls(name=name, command=command, workers=workers, mib=mib)


def deployments(answer: Answer, peak_bytes: int) -> Deployments:
    """Write the answer in each form; `peak_bytes` is the memory of all its workers together."""
    groups = [_split(group) for group in answer.groups] or [
        _Group.of("worker", answer.command, answer.workers, peak_bytes)
    ]
    return Deployments(
        compose="services:\n" + "".join(map(_compose, groups)),
        systemd="\n".join(map(_systemd, groups)),
        kubernetes="---\n".join(map(_kubernetes, groups)),
        routes="\n".join([*route_lines(answer.groups), ""]) if answer.groups else "",
    )


def _split(group: WorkerGroup) -> _Group:
    return _Group.of(service(group), group.command, group.workers, group.peak_pss_bytes)


def _compose(group: _Group) -> str:
    replicas = f"\n    deploy: {{ replicas: {group.workers} }}" if group.workers > 1 else ""
    return f"""  {group.name}:
    image: YOUR_IMAGE
    command: {group.command} --hostname {group.name}@%h{replicas}
    stop_signal: SIGTERM
    stop_grace_period: 60s  # at least as long as your longest task
    mem_limit: {group.mib}m
"""


def _systemd(group: _Group) -> str:
    several = group.workers > 1
    name = f"{group.name}%i@%%h" if several else f"{group.name}@%%h"
    unit = f"celery-{group.name}"
    file = f"{unit}@.service" if several else f"{unit}.service"
    units = " ".join(f"{unit}@{number}" for number in range(1, group.workers + 1))
    enable = f"\n# Start all of them: systemctl enable --now {units}" if several else ""
    return f"""# /etc/systemd/system/{file}{enable}
[Unit]
Description=Celery worker
After=network-online.target

[Service]
WorkingDirectory=YOUR_FOLDER
ExecStart=YOUR_FOLDER/.venv/bin/{group.command} --hostname {name}
KillSignal=SIGTERM
TimeoutStopSec=60
Restart=always
MemoryMax={group.mib}M

[Install]
WantedBy=multi-user.target
"""


def _kubernetes(group: _Group) -> str:
    words = [*group.command.split(), "--hostname", f"{group.name}@%h"]
    command = ", ".join(f'"{word}"' for word in words)
    app = f"celery-{group.name}"
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{ name: {app} }}
spec:
  replicas: {group.workers}
  selector: {{ matchLabels: {{ app: {app} }} }}
  template:
    metadata: {{ labels: {{ app: {app} }} }}
    spec:
      terminationGracePeriodSeconds: 60  # at least as long as your longest task
      containers:
        - name: worker
          image: YOUR_IMAGE
          command: [{command}]
          resources:
            requests: {{ memory: {group.mib}Mi }}
            limits: {{ memory: {group.mib}Mi }}
"""


def lines(texts: Deployments) -> list[str]:
    """Return the texts, each with a heading."""
    return [
        line
        for title, text in titled(texts).items()
        for line in (f"# {title}", *text.splitlines(), "")
    ]


def titled(texts: Deployments) -> dict[str, str]:
    """Return each text by the name of the program that reads it."""
    routes = {"Your app's settings": texts.routes} if texts.routes else {}
    return routes | {
        "Docker Compose": texts.compose,
        "systemd": texts.systemd,
        "Kubernetes": texts.kubernetes,
    }


def of_result(result: AdviceResult) -> Deployments | None:
    """Return the texts for the recommended candidate, or None without one."""
    if result.answer is None:
        return None
    peaks = [
        trial.peak_pss_bytes
        for one in result.candidates
        if is_recommended(result, one)
        for trial in one.trials
    ]
    return deployments(result.answer, max(peaks, default=0))
