"""docker-compose.yml, its documentation and the entry point, checked without a Docker engine."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from threading import Thread

import flower
import pytest
from flower.options import default_options

from cluster.ports import free_port
from tasks.settings import LONGEST_TASK_S
from tests.paths import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
HEADER, _, BODY = COMPOSE.partition("\nname: ")
ENTRYPOINT = ROOT / "docker" / "entrypoint"
#: Flower's health check, a script for bash.
HEALTH_CHECK = re.sub(
    r"\s+",
    " ",
    BODY.partition("        - bash\n        - -c\n        - >-\n")[2].split("interval:")[0],
).replace("$$", "$")

#: Variables that are passed on to a container unchanged.
PASSED_ON = set(re.findall(r"^ {2,6}([A-Z]\w+):$", BODY, re.MULTILINE))
USED = set(re.findall(r"(?<!\$)\$\{(\w+)", BODY)) | PASSED_ON
DOCUMENTED = set(re.findall(r"\b[A-Z]+(?:_[A-Z0-9]+)+\b", HEADER))


def test_header_documents_exactly_the_variables_in_use() -> None:
    assert USED == DOCUMENTED


def test_env_example_contains_only_known_variables() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^#?([A-Z_0-9]+)=", example, re.MULTILINE)) <= DOCUMENTED


def test_flower_gets_every_variable_that_it_reads_itself() -> None:
    [package] = flower.__path__
    modules = [path.read_text(encoding="utf-8") for path in Path(package).rglob("*.py")]
    read = set().union(*(re.findall(r"FLOWER_[A-Z0-9_]+", text) for text in modules))
    assert "FLOWER_GITLAB_AUTH_ALLOWED_GROUPS" in read  # they are found
    assert read - PASSED_ON == set()


@pytest.mark.parametrize("option", ["auth", "auth_provider", "basic_auth", "read_only"])
def test_flower_gets_the_variable_of_each_option_that_limits_access(option: str) -> None:
    assert option in default_options
    assert f"FLOWER_{option.upper()}" in PASSED_ON


def test_header_defaults_match_the_services() -> None:
    documented = dict(re.findall(r"^# {3}([A-Z_]+) +([^\s(]\S*)", HEADER, re.MULTILINE))
    documented.update(re.findall(r"^# {3}([A-Z_]+) +(\S+=\S+)$", HEADER, re.MULTILINE))
    used = dict(re.findall(r"\$\{(\w+):-([^{}]+)\}", BODY))
    different = {name: (documented.get(name), value) for name, value in used.items()}
    assert {
        name: pair for name, pair in different.items() if pair[0] != pair[1] != "./docker/none"
    } == {}


def test_stop_grace_period_exceeds_the_longest_task() -> None:
    worker = BODY.partition("x-worker:")[2].partition("\nservices:")[0]
    [grace_s] = re.findall(r"stop_grace_period: (\d+)s", worker)
    assert int(grace_s) > LONGEST_TASK_S


MACHINES = (ROOT / "compose.machines.yml").read_text(encoding="utf-8")
SERVICES = set(re.findall(r"^ {2}([a-z-]+):$", BODY.partition("\nservices:")[2], re.MULTILINE))
SHOWN = [
    (path.name, line.strip())
    for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))
    for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    if re.match(r"\s*(?:[A-Z_]+=\S+ +)*docker compose ", line)
]


@pytest.mark.parametrize(("document", "line"), SHOWN, ids=[line for _, line in SHOWN])
def test_documented_docker_command_uses_existing_names(document: str, line: str) -> None:
    assert document
    before, _, after = line.partition("#")[0].partition("docker compose ")
    variables = set(re.findall(r"(?:^|\s)([A-Z_]+)=", before))
    assert variables <= DOCUMENTED | set(re.findall(r"\$\{(\w+)", MACHINES))
    files = re.findall(r"-f (\S+)", after)
    assert all((ROOT / file).exists() for file in files)
    service = r"worker(?:-\w+)?|redis|flower|producer|poolwise"
    named = re.findall(rf"(?:^|\s|=)({service})(?=[\s=]|$)", after)
    assert set(named) <= SERVICES


def run_entrypoint(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ENTRYPOINT), *command],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )


def test_entrypoint_reads_a_secret_from_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("redis://:a b$c'd@hub:6379/0\n", encoding="utf-8")
    result = run_entrypoint("printenv", "CELERY_BROKER_URL", CELERY_BROKER_URL_FILE=str(secret))
    assert result.stdout == "redis://:a b$c'd@hub:6379/0\n"


def blocks() -> dict[str, str]:
    """Return the text of each service, and of each block with an anchor, by its name or *anchor."""
    before, _, after = BODY.partition("\nservices:")
    services = re.split(r"^ {2}([a-z-]+):$", after.partition("\n\n# Files")[0], flags=re.MULTILINE)
    shared = re.split(r"^x-[a-z]+: &([a-z]+)$", before, flags=re.MULTILINE)
    found = dict(zip(services[1::2], services[2::2], strict=True))
    return found | {f"*{one}": text for one, text in zip(shared[1::2], shared[2::2], strict=True)}


def variables(name: str) -> set[str]:
    """Return the variables that the definition of a service contains, also through anchors."""
    block = blocks()[name]
    merged = set(re.findall(r"\*[a-z]+\b", block)) & set(blocks())
    own = set(re.findall(r"\$\{(\w+)", block))
    own |= set(re.findall(r"^ {2,6}([A-Z]\w+):$", block, re.MULTILINE))
    return own.union(*(variables(one) for one in merged))


WORKERS_ONLY = {
    *("PREFORK_CONCURRENCY", "PREFORK_FLAGS", "GEVENT_CONCURRENCY", "LOG_LEVEL", "WORKER_POOL"),
    *("WORKER_MEMORY", "WORKER_PIDS", "LOAD_RATE", "LOAD_MIX", "LOAD_QUEUES", "REDIS_MEMORY"),
}


def test_no_variable_of_another_service_recreates_flower_and_none_of_flower_another() -> None:
    others = set().union(
        *(variables(name) for name in SERVICES - {"flower", "poolwise", "redis-data"})
    )
    assert others >= WORKERS_ONLY  # the variables of a service are found
    for_all = {
        *("COMPOSE_PROJECT_NAME", "POOLWISE_IMAGE", "CELERY_BROKER_URL"),
        *("BROKER_URL_FILE", "BROKER_CA_FILE", "POOLWISE_BROKER_OPTIONS"),
    }
    assert variables("flower") & others == for_all
    # Some versions of Compose would recreate Flower together with a worker that it depends on.
    assert "depends_on: *after-redis" in blocks()["flower"]
    [needed] = re.findall(r"&after-redis\n((?: {4}\S.*\n)+)", BODY)
    assert needed == "    redis: { condition: service_healthy }\n"


def test_every_program_gets_the_options_of_the_broker() -> None:
    programs = SERVICES - {"redis", "redis-data"}
    assert {name for name in programs if "POOLWISE_BROKER_OPTIONS" in variables(name)} == programs


def test_down_removes_every_volume() -> None:
    volumes = set(re.findall(r"^ {2}([a-z-]+):", BODY.partition("\nvolumes:\n")[2], re.MULTILINE))
    by_default = "".join(text for text in blocks().values() if "profiles:" not in text)
    used = {name for name in volumes if re.search(rf"volumes: .*\b{name}:", by_default)}
    assert used == volumes == {"redis-data", "results"}


def test_no_secret_comes_from_outside_the_checkout_by_default() -> None:
    defaults = re.findall(r"file: \"\$\{\w+:-([^}]*)\}\"", BODY)
    assert set(defaults) == {"./docker/none"}
    assert (ROOT / "docker" / "none").read_bytes() == b""


@pytest.mark.parametrize("mode", [0o644, 0o000])
def test_entrypoint_ignores_an_empty_secret_file(mode: int, tmp_path: Path) -> None:
    secret = tmp_path / "none"
    secret.touch(mode=mode)
    result = run_entrypoint(
        *("printenv", "CELERY_BROKER_URL"),
        CELERY_BROKER_URL="redis://there",
        CELERY_BROKER_URL_FILE=str(secret),
    )
    assert result.stdout == "redis://there\n"


def test_entrypoint_reports_a_missing_secret_file_in_one_line() -> None:
    result = run_entrypoint("true", CELERY_BROKER_URL_FILE="/nowhere")
    assert result.returncode == 2
    assert result.stderr.startswith("error: CELERY_BROKER_URL_FILE names /nowhere")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("code", [0, 7])
def test_entrypoint_returns_the_exit_code_of_the_command(code: int) -> None:
    assert run_entrypoint("sh", "-c", f"exit {code}").returncode == code


class _Flower(BaseHTTPRequestHandler):
    """Answers one path with 200, and all others with 500."""

    path_of_check: str

    def do_GET(self) -> None:
        self.send_response(200 if self.path == self.path_of_check else 500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def answering() -> Iterator[Callable[[str], int]]:
    """Return a function that starts a server with a health check at a path and returns its port."""
    servers: list[ThreadingHTTPServer] = []

    def start(path: str) -> int:
        handler = type("Handler", (_Flower,), {"path_of_check": path})
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        Thread(target=servers[-1].serve_forever, daemon=True).start()
        return int(servers[-1].server_address[1])

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def healthy(port: int, **variables: str) -> bool:
    """Run Flower's health check on a port."""
    assert HEALTH_CHECK.count("/5555 ") == 1
    script = HEALTH_CHECK.replace("/5555 ", f"/{port} ")
    done = subprocess.run(
        ["bash", "-c", script],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        check=False,
        timeout=10,
    )
    return done.returncode == 0


@pytest.mark.parametrize("prefix", ["", "flower", "/flower", "flower/", "/a/b/"])
def test_health_check_asks_flower_under_its_prefix(
    prefix: str, answering: Callable[[str], int]
) -> None:
    path = f"/{prefix.strip('/')}/healthcheck" if prefix else "/healthcheck"
    assert healthy(answering(path), FLOWER_URL_PREFIX=prefix)
    assert not healthy(answering("/elsewhere"), FLOWER_URL_PREFIX=prefix)


def test_health_check_fails_if_nothing_listens() -> None:
    assert not healthy(free_port())


#: How Redis starts, a script for sh.
START = re.compile(r"- sh\n +- -c\n +- \|\n((?: {8}.*\n)+)")


@pytest.mark.parametrize(
    ("memory", "full"),
    [("500000000\n", 300_000_000), ("max\n", 0), ("9223372036854771712\n", 0), (None, 0)],
)
@pytest.mark.parametrize("place", ["memory.max", "memory/memory.limit_in_bytes"])
@pytest.mark.parametrize("file", [BODY, MACHINES], ids=["here", "machines"])
def test_redis_is_full_before_the_kernel_would_kill_it(
    file: str, place: str, memory: str | None, full: int, tmp_path: Path
) -> None:
    [script] = START.findall(file)
    limit = tmp_path / place
    limit.parent.mkdir(exist_ok=True)
    if memory:
        limit.write_text(memory, encoding="utf-8")
    for name in ("docker-entrypoint.sh", "redis-server"):
        (tmp_path / name).write_text("#!/bin/sh\necho $$ $*\ncat\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    process = subprocess.Popen(
        ["sh", "-c", dedent(script).replace("$$", "$").replace("/sys/fs/cgroup", str(tmp_path))],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    printed, _ = process.communicate(timeout=10)
    pid, *words = printed.replace("--", "").split()
    assert int(pid) == process.pid  # it gets the signals
    settings = " ".join(words)
    assert f" maxmemory {full} maxmemory-policy noeviction " in settings
    assert " appendonly yes appendfsync everysec save " in settings
