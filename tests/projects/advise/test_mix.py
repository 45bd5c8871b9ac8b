"""`advise --all-from` on real workers: whole mixes count, and a split wins where it should."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from cluster.machine import Machine
from lab.advise.mix.parts import Part, TriedTask
from lab.advise.mix.split import Split
from lab.advise.mix.stands import Grounds, SplitStand
from lab.advise.task_mix import Mix
from lab.project.candidates import Candidate
from lab.project.first_tries import FirstTries
from lab.project.project import open_project
from lab.project.workers import ProjectWorkers
from lab.session.session import open_session
from producer.plan import Work
from tests.command import poolwise, running
from tests.projects.advise.projects import write_shop
from tests.projects.advise.test_examples import FOLDER, words_of
from tests.unit.lab.advise.test_search import profile
from worker.pools import POOLS

SHOP = ("advise", "-A", "shop", "--python", sys.executable, "--yes", "--seed", "3")
PAUSE, LIMITED = (Work(task=f"shop.{name}", args=(500,)) for name in ("pause", "limited"))
#: Three tasks of 500 ms for the first group, and one for the second.
MIX = Mix(calls=(PAUSE, LIMITED), weights=(3, 1))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_shop(tmp_path, "redis://127.0.0.1:1/0")
    return tmp_path


def part(*calls: Work) -> Part:
    tried = FirstTries(profile=profile(run_s=0.5, cpu_s=0.0), results={})
    tasks = [TriedTask(name=one.task, weight=1, calls=(one,), tried=tried) for one in calls]
    return Part.of(MIX, tasks)


@pytest.mark.parametrize(("slots", "mixes_per_s"), [((2, 20), 4 / 3), ((20, 2), 4.0)])
def test_the_faster_group_waits_for_the_other(
    slots: tuple[int, int], mixes_per_s: float, shop: Path
) -> None:
    logs = shop / "logs"
    logs.mkdir()
    project = open_project("shop", shop, Path(sys.executable), logs)
    first, second = (Candidate(pool=POOLS["threads"], concurrency=number) for number in slots)
    with open_session(logs, None, Machine.this()) as session:
        grounds = Grounds(session, ProjectWorkers(session, project), MIX, seed=1)
        stand = SplitStand(grounds, part(PAUSE, LIMITED), [part(PAUSE), part(LIMITED)])
        split = Split(groups=(first, second))
        window = stand.measure(stand.start(split), f"{session.run}.1", 8.0, None)
    # The group with two slots ends 4 tasks per second, the other could end 40.
    assert window.rate_per_s == pytest.approx(4 * mixes_per_s, rel=0.15)
    share = window.by_task["shop.pause"] / sum(window.by_task.values())
    assert share == pytest.approx(0.75, abs=0.1)
    assert min(stand.peak_bytes(split)) > 10**7


def test_the_line_of_split_advises_two_groups(tmp_path: Path) -> None:
    done = poolwise(
        *words_of("split"),
        *("--python", sys.executable, "--yes", "--seed", "1", "--out", str(tmp_path), "--json"),
        *("--budget", "90s"),
        cwd=FOLDER / "split",
        timeout_s=150,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    computing, waiting = result["answer"]["groups"]
    assert (computing["pool"], computing["tasks"]) == ("prefork", ["office.write"])
    assert (waiting["queue"], waiting["tasks"]) == ("io", ["office.send"])
    assert waiting["pool"] in {"threads", "gevent"}
    assert result["answer"]["ratio"] > 1.2
    assert "unsafe-in-threads" in {one["name"] for one in result["warnings"]}
    peaks = [trial["peak_pss_bytes"] for one in result["mix"]["splits"] for trial in one["trials"]]
    assert max(peaks) < 300e6
    [run] = tmp_path.iterdir()
    text = (run / "deploy.txt").read_text()
    assert waiting["command"] in text
    assert '"office.write": {"queue": "cpu"},' in text
    assert '"office.write": {"queue": "cpu"},' in (run / "report.html").read_text().replace(
        "&#34;", '"'
    )


def mix_file(shop: Path, *lines: str) -> str:
    file = shop / "mix.jsonl"
    file.write_text("\n".join(lines))
    return str(file)


def test_tasks_that_all_wait_stay_together(shop: Path) -> None:
    lines = (
        '{"task": "shop.pause", "args": [200]}',
        '{"task": "shop.limited", "args": [300], "weight": 2}',
    )
    words = ("--all-from", mix_file(shop, *lines), "--pools", "threads", "--budget", "15s")
    done = poolwise(*SHOP, *words, cwd=shop, timeout_s=120)
    assert done.returncode == 0, done.stderr
    assert "all tasks stay in one group, because all tasks wait most of the time" in done.stdout
    assert "A whole mix is 3 tasks: 1 × shop.pause, 2 × shop.limited" in done.stdout
    assert "celery -A shop worker --pool threads" in done.stdout


@pytest.mark.parametrize(
    ("words", "lines", "text"),
    [
        (("shop.pause",), (), "the file of --all-from names the tasks"),
        ((), ('{"task": "shop.pause", "weight": -1}',), "line 1: weight must be"),
        ((), ('{"task": "shop.pause"}', '{"task": "shop.paus"}'), "did you mean shop.pause?"),
    ],
)
def test_a_mistake_in_the_mix_gets_a_line_that_names_the_fix(
    words: tuple[str, ...], lines: tuple[str, ...], text: str, shop: Path
) -> None:
    done = poolwise(*SHOP, *words, "--all-from", mix_file(shop, *lines), cwd=shop)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_a_task_of_the_mix_that_fails_is_named_and_nothing_more_is_tried(shop: Path) -> None:
    lines = ('{"task": "shop.pause", "args": [5]}', '{"task": "shop.fail", "args": ["fetch"]}')
    done = poolwise(*SHOP, "--all-from", mix_file(shop, *lines), cwd=shop)
    assert done.returncode == 1
    assert "check the arguments of shop.fail" in done.stderr
    assert "ValueError: cannot fetch" in done.stderr
    assert "prefork ×" not in done.stderr


def test_ctrl_c_while_a_split_is_measured_ends_with_what_is_known(tmp_path: Path) -> None:
    words = (*words_of("split"), "--python", sys.executable, "--yes", "--out", str(tmp_path))
    for name in ("office.py", "mix.jsonl"):
        (tmp_path / name).write_text((FOLDER / "split" / name).read_text())
    with running(*words, "--budget", "60s", folder=tmp_path, env=dict(os.environ)) as command:
        command.until(lambda: "cpu: " in command.output(), 90)
        command.signal(signal.SIGINT)
        assert command.ended() == 130
        assert "Stopped early" in command.output()
        command.wait_for_descendants()
