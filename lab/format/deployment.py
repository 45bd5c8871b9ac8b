"""Advice as a compose service, a systemd unit and a Kubernetes Deployment: pure text."""

from __future__ import annotations

from dataclasses import dataclass

from lab.format.advice import is_recommended
from lab.results.advice import AdviceResult, Answer

#: Memory to allow beyond the highest that was measured.
HEADROOM = 1.5
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployments:
    """Texts to paste."""

    compose: str
    systemd: str
    kubernetes: str


def deployments(answer: Answer, peak_bytes: int) -> Deployments:
    """Write the answer in each form; `peak_bytes` is the memory of all its workers together."""
    mib = max(128, round(HEADROOM * peak_bytes / answer.workers / MIB / 64 + 0.5) * 64)
    return Deployments(
        compose=_compose(answer, mib),
        systemd=_systemd(answer, mib),
        kubernetes=_kubernetes(answer, mib),
    )


def _compose(answer: Answer, mib: int) -> str:
    replicas = f"\n    deploy: {{ replicas: {answer.workers} }}" if answer.workers > 1 else ""
    return f"""services:
  worker:
    image: YOUR_IMAGE
    command: {answer.command} --hostname worker@%h{replicas}
    stop_signal: SIGTERM
    stop_grace_period: 60s  # at least as long as your longest task
    mem_limit: {mib}m
"""


def _systemd(answer: Answer, mib: int) -> str:
    several = answer.workers > 1
    name = "worker%i@%%h" if several else "worker@%%h"
    file = "celery-worker@.service" if several else "celery-worker.service"
    units = " ".join(f"celery-worker@{number}" for number in range(1, answer.workers + 1))
    enable = f"\n# Start all of them: systemctl enable --now {units}" if several else ""
    return f"""# /etc/systemd/system/{file}{enable}
[Unit]
Description=Celery worker
After=network-online.target

[Service]
WorkingDirectory=YOUR_FOLDER
ExecStart=YOUR_FOLDER/.venv/bin/{answer.command} --hostname {name}
KillSignal=SIGTERM
TimeoutStopSec=60
Restart=always
MemoryMax={mib}M

[Install]
WantedBy=multi-user.target
"""


def _kubernetes(answer: Answer, mib: int) -> str:
    words = [*answer.command.split(), "--hostname", "worker@%h"]
    command = ", ".join(f'"{word}"' for word in words)
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{ name: celery-worker }}
spec:
  replicas: {answer.workers}
  selector: {{ matchLabels: {{ app: celery-worker }} }}
  template:
    metadata: {{ labels: {{ app: celery-worker }} }}
    spec:
      terminationGracePeriodSeconds: 60  # at least as long as your longest task
      containers:
        - name: worker
          image: YOUR_IMAGE
          command: [{command}]
          resources:
            requests: {{ memory: {mib}Mi }}
            limits: {{ memory: {mib}Mi }}
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
    return {
        "Docker Compose": texts.compose,
        "systemd": texts.systemd,
        "Kubernetes": texts.kubernetes,
    }


def of_result(result: AdviceResult) -> Deployments | None:
    """Return the texts for the recommended candidate, or None without one."""
    if result.answer is None:
        return None
    chosen = next(one for one in result.candidates if is_recommended(result, one))
    return deployments(result.answer, max(trial.peak_pss_bytes for trial in chosen.trials))
