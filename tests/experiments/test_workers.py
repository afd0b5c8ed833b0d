"""Tasks by several processes: same results, deaths survived, errors as themselves, nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import cloudpickle
import pytest

from simexec.errors import InputError, OrderError
from simexec.experiments import workers
from simexec.experiments.workers import Outcome, run_tasks

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # so that workers need not load pytest


def square(task: int) -> int:
    return task * task


def slow_first(task: int) -> int:
    time.sleep(0.3 if task == 0 else 0.0)
    return task


def rest_and_tell(task: object) -> int:
    time.sleep(0.2)
    return os.getpid()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert multiprocessing.active_children() == []
    left = set(os.listdir("/proc/self/fd")) - before
    assert len(left) <= 4, left  # the lines to the server of processes and to the tracker, which stay


# --- results ---


@pytest.mark.parametrize("jobs", [1, 2, 5, None])
def test_outcomes_come_in_the_order_of_the_tasks_whatever_the_number_of_processes(jobs: int | None) -> None:
    assert run_tasks(slow_first, range(6), jobs=jobs) == [Outcome(i, i) for i in range(6)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_tasks_no_outcomes(jobs: int) -> None:
    assert run_tasks(square, [], jobs=jobs) == []


class Bars:
    """Leaves a mark wherever it is made from its pickle."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state
        with open(self.folder / str(os.getpid()), "x"):  # fails where it has been made before
            pass


def test_each_process_is_sent_what_is_shared_once(tmp_path: Path) -> None:
    def compute(task: int, bars: Bars) -> tuple[int, bool, int]:
        time.sleep(0.05)
        return 3 * task, bars.folder == tmp_path, os.getpid()

    outcomes = run_tasks(compute, range(12), jobs=2, shared=Bars(tmp_path))
    values = [outcome.value for outcome in outcomes if outcome.value is not None]
    assert [value[:2] for value in values] == [(3 * i, True) for i in range(12)]
    pids = {value[2] for value in values}
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert {int(file.name) for file in tmp_path.iterdir()} == pids
    wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_one_job_is_done_here_without_a_copy() -> None:
    task, lock = object(), threading.Lock()  # neither of which could be sent
    (outcome,) = run_tasks(lambda task, shared: (task, shared, os.getpid()), [task], jobs=1, shared=lock)
    assert outcome == Outcome(0, (task, lock, os.getpid()))


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_is_told_after_every_task(jobs: int) -> None:
    told: list[float] = []
    run_tasks(square, range(4), jobs=jobs, progress=told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_functions_and_classes_that_nobody_can_import_travel_both_ways() -> None:
    @attrs.frozen
    class Point:
        x: int

    factor = 3
    outcomes = run_tasks(lambda point: Point(point.x * factor), [Point(1), Point(2)], jobs=2)
    assert [outcome.value for outcome in outcomes] == [Point(3), Point(6)]


def test_large_things_travel() -> None:
    size = 3_000_000  # far more than a pipe holds
    outcomes = run_tasks(lambda task, shared: task + shared, [b"a" * size] * 4, jobs=2, shared=b"b" * size)
    assert all(outcome.value == b"a" * size + b"b" * size for outcome in outcomes)


@pytest.mark.parametrize("jobs", [0, -1, 1.5, True, "2"])
def test_a_number_of_jobs_that_makes_no_sense_is_refused(jobs: Any) -> None:
    with pytest.raises(InputError, match=f"jobs {jobs!r} is not a positive whole number"):
        run_tasks(square, [1], jobs=jobs)


def test_by_default_there_are_as_many_processes_as_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert len({outcome.value for outcome in run_tasks(rest_and_tell, range(6))}) == 3


def test_a_worker_has_workers_of_its_own_only_if_it_asks_for_them() -> None:
    def nested(jobs: int | None) -> tuple[set[int | None], int]:
        return {outcome.value for outcome in run_tasks(rest_and_tell, range(2), jobs=jobs)}, os.getpid()

    alone, several = (outcome.value for outcome in run_tasks(nested, [None, 2], jobs=2))
    assert alone is not None
    assert several is not None
    assert alone[0] == {alone[1]}
    assert len(several[0] - {several[1]}) == 2


def test_this_process_keeps_its_environment_and_its_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    environment, main = dict(os.environ), sys.modules["__main__"]
    outcomes = run_tasks(lambda name: os.environ.get(name), ["OMP_NUM_THREADS", "MKL_NUM_THREADS"], jobs=2)
    assert [outcome.value for outcome in outcomes] == ["1", "1"]
    assert (dict(os.environ), sys.modules["__main__"]) == (environment, main)


def test_a_worker_for_whom_there_is_nothing_more_leaves_while_the_others_work(tmp_path: Path) -> None:
    def compute(task: int) -> None:
        (tmp_path / str(task)).write_text(str(os.getpid()))
        if task == 0:
            wait_until(
                lambda: (tmp_path / "1").exists() and not is_alive(int((tmp_path / "1").read_text() or os.getpid()))
            )

    assert run_tasks(compute, range(2), jobs=2) == [Outcome(0), Outcome(1)]


# --- deaths ---


def die_on(task: tuple[int, str]) -> int:
    number, how = task
    if how == "killed" or (how.startswith("first ") and is_first(Path(how[6:]))):
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "leaves":
        os._exit(3)
    if how == "slow":
        time.sleep(0.2)
    return number


def is_first(mark: Path) -> bool:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def test_a_killed_worker_loses_no_result_already_computed(tmp_path: Path) -> None:
    computed = tmp_path / "computed"
    computed.touch()

    def compute(task: int) -> int:
        if task == 7:
            while len(computed.read_text().split()) < 8:  # of either worker, the one that dies included
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
        with open(computed, "a") as file:
            file.write(f"{task}\n")
        return task * task

    outcomes = run_tasks(compute, range(20), jobs=2)
    assert [outcome.value for outcome in outcomes] == [i * i if i != 7 else None for i in range(20)]
    assert outcomes[7] == Outcome(7, None, "the process died (signal 9) while it worked on task 7 (7)")
    # and none was computed again
    assert sorted(map(int, computed.read_text().split())) == [i for i in range(20) if i != 7]


def test_a_task_whose_process_dies_is_tried_once_more_in_a_fresh_one(tmp_path: Path) -> None:
    tasks = [(i, f"first {tmp_path / 'died'}" if i == 2 else "") for i in range(6)]
    assert run_tasks(die_on, tasks, jobs=2) == [Outcome(i, i) for i in range(6)]
    assert (tmp_path / "died").exists()


@pytest.mark.parametrize("jobs", [2, 4])
@pytest.mark.parametrize("keep_errors", [False, True])
def test_several_deaths_are_told_apart(jobs: int, keep_errors: bool) -> None:
    how = {1: "killed", 2: "leaves", 6: "killed", 7: "killed"}
    tasks = [(i, how.get(i, "")) for i in range(8)]
    outcomes = run_tasks(die_on, tasks, jobs=jobs, keep_errors=keep_errors)
    assert [outcome.value for outcome in outcomes] == [None if i in how else i for i in range(8)]
    assert outcomes[1].error == "the process died (signal 9) while it worked on task 1 ((1, 'killed'))"
    assert outcomes[2].error == "the process died (exit code 3) while it worked on task 2 ((2, 'leaves'))"
    assert [outcome.index for outcome in outcomes if outcome.error is not None] == list(how)


def test_every_task_may_die() -> None:
    told: list[float] = []
    outcomes = run_tasks(die_on, [(i, "killed") for i in range(3)], jobs=2, progress=told.append)
    assert all(outcome.error is not None and "signal 9" in outcome.error for outcome in outcomes)
    assert told[-1] == 1.0


@attrs.frozen
class Parting:
    """A result whose sender is killed when it is made again from its pickle: the sender has no task then."""

    value: int
    pid: int

    def __reduce__(self) -> Any:
        return part, (self.value, self.pid)


def part(value: int, pid: int) -> int:
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))
    return value


def test_a_worker_that_dies_while_it_has_no_task_takes_none_with_it() -> None:
    def compute(task: int) -> object:
        return Parting(task, os.getpid()) if task < 5 else task

    assert run_tasks(compute, range(12), jobs=2) == [Outcome(i, i) for i in range(12)]


def test_a_result_is_kept_whose_worker_dies_right_after_it() -> None:
    def compute(task: int) -> int:
        """Returns; the process is killed soon after."""
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return task

    def linger(fraction: float) -> None:
        time.sleep(0.2)

    outcomes = run_tasks(compute, range(5), jobs=2, progress=linger)
    assert outcomes == [Outcome(i, i) for i in range(5)]


@attrs.frozen
class Unloadable:
    """Ends the process, or fails, where it is made from its pickle."""

    fatal: bool

    def __reduce__(self) -> Any:
        return make_unloadable, (self.fatal,)


def make_unloadable(fatal: bool) -> Unloadable:
    if fatal:
        os._exit(4)
    raise ImportError("no module 'mine'")


def test_what_no_worker_can_load_is_told_rather_than_tried_for_ever() -> None:
    with pytest.raises(InputError, match=r"cannot load the function or what is shared \(ImportError: no module 'mine'"):
        run_tasks(lambda task, shared: task, range(9), jobs=2, shared=Unloadable(False))
    with pytest.raises(InputError, match=r"died \(exit code 4\) while it loaded the function and what is shared"):
        run_tasks(lambda task, shared: task, range(9), jobs=2, shared=Unloadable(True))


def test_results_are_kept_when_no_fresh_worker_can_be_had_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    context: Any = workers._CONTEXT
    started: list[Any] = []

    def start(self: Any) -> None:
        started.append(self)
        if len(started) > 2:
            raise OSError("no more processes")
        original(self)

    original = context.Process.start
    monkeypatch.setattr(context.Process, "start", start)
    outcomes = run_tasks(die_on, [(i, "killed" if i == 3 else "slow") for i in range(8)], jobs=2)
    # the one that is left has the task too, and dies
    assert outcomes[3].error == "the process died (signal 9) while it worked on task 3 ((3, 'killed'))"
    assert [outcomes[i].value for i in range(3)] == [0, 1, 2]
    not_begun = "it was not begun, since no worker process could be started (OSError: no more processes)"
    assert outcomes[5:] == [Outcome(i, None, not_begun) for i in range(5, 8)]


def test_processes_are_spawned_where_there_is_no_server_to_fork_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_CONTEXT", multiprocessing.get_context("spawn"))
    outcomes = run_tasks(die_on, [(i, "killed" if i == 2 else "") for i in range(5)], jobs=2)
    assert [outcome.value for outcome in outcomes] == [0, 1, None, 3, 4]
    assert run_tasks(lambda name: os.environ[name], ["OMP_NUM_THREADS"], jobs=2)[0].value == "1"


# --- errors ---


def fail_at_3_and_5(task: int) -> int:
    if task == 3:
        time.sleep(0.3)  # the failure of 5 is there first
    if task in (3, 5):
        raise OrderError(f"no {task}")
    return task


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_the_first_task_that_fails_is_raised_as_itself_with_its_name(jobs: int) -> None:
    with pytest.raises(OrderError) as error:
        run_tasks(fail_at_3_and_5, range(9), jobs=jobs)
    assert str(error.value) == "no 3"
    assert error.value.__notes__[0].startswith("in task 3 (3)")
    assert jobs == 1 or "fail_at_3_and_5" in error.value.__notes__[0]  # the traceback in the worker


@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_may_be_kept_as_outcomes(jobs: int) -> None:
    outcomes = run_tasks(fail_at_3_and_5, range(7), jobs=jobs, keep_errors=True)
    errors = {3: "OrderError: no 3", 5: "OrderError: no 5"}
    assert outcomes == [Outcome(i, None if i in errors else i, errors.get(i)) for i in range(7)]


def test_a_failure_ends_what_is_under_way_behind_it_and_begins_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_PATIENCE", 60.0)

    def compute(task: int) -> None:
        (tmp_path / str(task)).touch()
        if task == 0:
            while not (tmp_path / "1").exists():
                time.sleep(0.01)
            raise ValueError("first")
        time.sleep(60)

    began = time.monotonic()
    with pytest.raises(ValueError, match="first"):
        run_tasks(compute, range(8), jobs=2)
    assert time.monotonic() - began < 30
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0", "1"]


class AwkwardError(Exception):
    """Cannot be made again from its ``args``."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_exit_in_a_task_is_its_failure(jobs: int) -> None:
    with pytest.raises(SystemExit, match="bye"):
        run_tasks(lambda _: sys.exit("bye"), range(2), jobs=jobs)
    outcomes = run_tasks(lambda _: sys.exit("bye"), range(2), jobs=jobs, keep_errors=True)
    assert [outcome.error for outcome in outcomes] == ["SystemExit: bye"] * 2


def test_an_error_that_cannot_travel_is_told_in_words() -> None:
    def fail(task: int) -> None:
        raise AwkwardError(3, "awkward")

    with pytest.raises(RuntimeError, match=r"^AwkwardError: awkward"):
        run_tasks(fail, range(2), jobs=2)


def test_an_error_keeps_what_it_carries() -> None:
    def fail(task: int) -> None:
        error = KeyError("AMZN")
        error.add_note("a note")
        raise error

    with pytest.raises(KeyError) as error:
        run_tasks(fail, range(2), jobs=2)
    assert error.value.args == ("AMZN",)
    assert error.value.__notes__[0] == "a note"


def test_an_error_of_progress_is_raised_and_ends_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_PATIENCE", 60.0)

    def object_to(fraction: float) -> None:
        raise LookupError("enough")

    began = time.monotonic()
    with pytest.raises(LookupError, match="enough"):
        run_tasks(lambda task: time.sleep(task), [0, 60, 60], jobs=2, progress=object_to)
    assert time.monotonic() - began < 30


# --- what cannot be sent ---


def test_what_cannot_be_sent_is_named_with_the_remedy() -> None:
    lock = threading.Lock()
    remedy = "; make that inside the function, or use one process"

    def with_lock(task: int) -> bool:
        return lock.locked()

    with pytest.raises(InputError) as error:
        run_tasks(with_lock, range(2), jobs=2)
    assert str(error.value).startswith("function test_what_cannot_be_sent_is_named_with_the_remedy.<locals>.with_lock")
    assert "because of its variable lock (TypeError: cannot pickle '_thread.lock' object)" in str(error.value)
    assert str(error.value).endswith(remedy)
    with pytest.raises(
        InputError, match=r"^what is shared cannot be sent .* because of its \['feed'\]\.lock \(TypeError"
    ):
        run_tasks(lambda task, shared: task, range(2), jobs=2, shared={"bars": 1, "feed": Holder(lock)})
    with pytest.raises(
        InputError, match=r"^task 1 \(\[1, <unlocked .* cannot be sent .* because of its \[1\] \(TypeError"
    ):
        run_tasks(str, [0, [1, lock]], jobs=2)


class Holder:
    """Holds a thing."""

    def __init__(self, lock: Any) -> None:
        self.lock = lock


def test_results_that_cannot_be_sent_back_are_named_with_the_remedy() -> None:
    words = r"^the result of task 0 \(0\) cannot be sent back because of its \['lock'\] \(TypeError: .*; return plain data, or"
    with pytest.raises(InputError, match=words):
        run_tasks(lambda task: {"lock": threading.Lock()}, range(2), jobs=2)
    outcomes = run_tasks(lambda task: threading.Lock() if task == 1 else task, range(3), jobs=2, keep_errors=True)
    assert [outcome.value for outcome in outcomes] == [0, None, 2]
    assert outcomes[1].error is not None
    assert outcomes[1].error.startswith("the result of task 1 (1) cannot be sent back (TypeError")


def test_a_result_that_cannot_be_made_again_here_is_an_error_of_its_task() -> None:
    class Fleeting:
        def __reduce__(self) -> Any:
            return int, ("not a number",)

    with pytest.raises(
        InputError, match=r"the result of task 0 \(0\) cannot be sent back \(ValueError: invalid literal"
    ):
        run_tasks(lambda task: Fleeting(), range(2), jobs=2)


def test_tasks_whose_words_are_long_or_fail_are_named_all_the_same() -> None:
    class Mute:
        def __repr__(self) -> str:
            raise ValueError("mute")

    def fail(task: object) -> None:
        raise ValueError("no")

    named = {"in task 0 (Mute)": Mute(), f"in task 0 ('{'x' * 78}…)": "x" * 500, "in task 0 ([1, 2])": [1, 2]}
    for name, task in named.items():
        with pytest.raises(ValueError, match="no") as error:
            run_tasks(fail, [task], jobs=1)
        assert error.value.__notes__ == [name]


# --- scripts, and interrupts ---


def run_python(arguments: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run an interpreter that complains of whatever is left open, and see that it does not."""
    strict = [sys.executable, "-X", "dev", "-W", "error"]
    done = subprocess.run([*strict, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    return done


SCRIPT = """
import attrs
from simexec.experiments.workers import run_tasks

print("run")  # by no worker again

@attrs.frozen
class Point:
    x: int

class Odd(Exception):
    pass

def double(point):
    if point.x == 9:
        raise Odd("nine")
    return Point(2 * point.x)

print([outcome.value for outcome in run_tasks(double, [Point(1), Point(2), Point(3)], jobs=2)])
try:
    run_tasks(double, [Point(9)] * 3, jobs=2)
except Odd as error:
    print("odd", error)
"""
PRINTED = "run\n[Point(x=2), Point(x=4), Point(x=6)]\nodd nine\n"


@pytest.mark.parametrize("way", ["file", "-c", "stdin"])
def test_a_script_without_a_guard_may_use_its_own_classes(way: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    arguments = {"file": [str(tmp_path / "script.py")], "-c": ["-c", SCRIPT], "stdin": ["-"]}[way]
    assert run_python(arguments, SCRIPT).stdout == PRINTED


PRELOADED = """
import os, sys
import simexec.market.order_book
from simexec.experiments.workers import run_tasks

def look(_):
    loaded = "numba" in sys.modules  # though nothing of this function asks for it
    import numpy
    with open(f"/proc/{os.getppid()}/status") as status:
        threads = [line.split()[1] for line in status if line.startswith("Threads")]
    return loaded, threads, numpy.random.random()

one, other = (outcome.value for outcome in run_tasks(look, range(2), jobs=2))
print(one[:2], other[:2], one[2] != other[2])
"""


def test_workers_are_forked_from_one_thread_that_has_loaded_simexec_and_share_no_random_numbers() -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("threads are counted by /proc")
    assert run_python(["-c", PRELOADED]).stdout == "(True, ['1']) (True, ['1']) True\n"


INTERRUPTED = """
import os, signal, sys, threading, time
from pathlib import Path
from simexec.experiments.workers import run_tasks

folder = Path(sys.argv[1])

def linger(task):
    (folder / str(os.getpid())).touch()
    time.sleep(60)

def interrupt():
    while len(list(folder.iterdir())) < 2:
        time.sleep(0.01)
    os.killpg(0, signal.SIGINT)  # as the keyboard does: everybody is told

threading.Thread(target=interrupt, daemon=True).start()
try:
    run_tasks(linger, range(8), jobs=2)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_ends_all_processes(tmp_path: Path) -> None:
    strict = [sys.executable, "-X", "dev", "-W", "error", "-c", INTERRUPTED, str(tmp_path)]
    done = subprocess.run(strict, capture_output=True, text=True, timeout=60, check=False, start_new_session=True)
    assert (done.stdout, done.stderr, done.returncode) == ("interrupted\n", "", 0)
    pids = [int(file.name) for file in tmp_path.iterdir()]
    assert len(pids) == 2
    wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_workers_end_when_the_one_who_started_them_is_killed(tmp_path: Path) -> None:
    script = INTERRUPTED.replace("time.sleep(60)", "time.sleep(0.5)").replace(
        "os.killpg(0, signal.SIGINT)", "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    pids = [int(file.name) for file in tmp_path.iterdir()]
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    assert len(list(tmp_path.iterdir())) == 2  # nothing more was begun
