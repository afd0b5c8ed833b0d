"""The command line: ``simexec run``, ``simexec compare``, ``simexec data check``, ``simexec schema``, ``simexec bench``.

Exit codes: 0 done; 1 the run failed; 2 the input is wrong; 130 interrupted. A failure is one line on stderr;
the traceback comes with ``SIMEXEC_DEBUG=1``. Everything heavy is imported by the command that needs it, so
that ``--help`` is quick.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from simexec import __version__
from simexec.errors import InputError, SimexecError

DONE, FAILED, WRONG_INPUT, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141

_EXAMPLES = """\
examples:
  simexec run scenarios/quickstart.yaml
  simexec run scenarios/quickstart.yaml --set algorithm.slices=40 --seed 8
  simexec run scenarios/quickstart.yaml --data AMZN_2012-06-21_34200000_57600000_message_5.csv.gz
  simexec run scenarios/quickstart.yaml --data day.mbo.dbn.zst --set session.timezone=UTC
  simexec run scenarios/two_venues.yaml
  simexec run scenarios/quickstart.yaml --replications 20
  simexec compare scenarios/quickstart.yaml scenarios/algorithms.yaml
  simexec run scenarios/quickstart.yaml --out runs/first --plot
  simexec data check AMZN_2012-06-21_34200000_57600000_message_5.csv.gz
  simexec schema --out scenario.schema.json
  simexec bench --json

exit codes: 0 done, 1 the run failed, 2 the input is wrong
"""

_RUN_EXAMPLES = """\
examples:
  simexec run scenarios/quickstart.yaml
  simexec run scenarios/quickstart.yaml --set algorithm.type=market --set 'algorithm={type: market}'
  simexec run scenarios/quickstart.yaml --set links.orders=1ms --set venue.gateway.servers=4
  simexec run scenarios/two_venues.yaml --set 'markets.0.venue.throttle={messages: 5, action: queue}'
  simexec run scenarios/quickstart.yaml --json | python3 -m json.tool
"""

_COMPARE_EXAMPLES = """\
examples:
  simexec compare scenarios/quickstart.yaml scenarios/algorithms.yaml
  simexec compare scenarios/quickstart.yaml scenarios/algorithms.yaml --replications 20 --set order.side=sell
  simexec compare scenarios/amzn_day.yaml scenarios/algorithms_day.yaml --data AMZN_2012-06-21_34200000_57600000_message_5.csv.gz

An algorithm of your own is named by its class, such as mymodule.MyAlgorithm; modules are looked for in this folder too.
"""


class _Parser(argparse.ArgumentParser):
    """argparse's parser, except that its errors look like every other error of the program."""

    def error(self, message: str) -> NoReturn:
        _say_error(f"{message} (see {self.prog} --help)")
        raise SystemExit(WRONG_INPUT)


@contextmanager
def progress_bar() -> Iterator[Callable[[float], None] | None]:
    """A bar on a terminal, as a function of the fraction that is done; None in a pipe.

    A run that has to compile first says so in a pipe too: silent for half a minute, it would look like one that hangs.
    """
    note = "" if is_compiled() else "compiling (first run only), then simulating"
    if not sys.stderr.isatty():
        if note:
            _say_progress(note)
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        # Without a total the bar pulses, until the first report says that simulated time passes.
        task = bar.add_task(note or "loading", total=None)
        yield lambda done: bar.update(task, description="simulating", total=1.0, completed=done)


def is_compiled() -> bool:
    """Whether numba has the order book's compiled code on disk, newer than its source.

    numba keeps it beside the source, or where ``NUMBA_CACHE_DIR`` says. Where neither can be written it uses a
    folder of its own, in which nothing is looked for here: the answer then is yes, and the note is left out.
    """
    from simexec.market.kernel_cache import KERNELS

    source = Path(__file__).parent / "market"
    cache = Path(os.environ.get("NUMBA_CACHE_DIR") or source / "__pycache__")
    if "NUMBA_CACHE_DIR" not in os.environ and not os.access(source, os.W_OK):
        return True
    built = max((index.stat().st_mtime for index in cache.glob("**/book.*.nbi")), default=0.0)
    return built > max((source / f"{name}.py").stat().st_mtime for name in KERNELS)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = _Parser(
        prog="simexec",
        description="Simulate the execution of orders: what would this order have cost, and why?",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"simexec {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_compare(commands)
    _add_data(commands)
    _add_schema(commands)
    bench = commands.add_parser("bench", help="measure speed on this machine", allow_abbrev=False)
    bench.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    bench.add_argument(
        "--data",
        type=Path,
        metavar="FILE.npz",
        help="replay this order-by-order recording instead, beside hftbacktest if that is installed",
    )
    bench.add_argument("--backtest", action="store_true", help="measure backtests, optimisation and pacing instead")
    bench.set_defaults(command=_bench)
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="simulate a scenario",
        description="Simulate the parent order of a scenario and explain what it cost.",
        epilog=_RUN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_scenario(run)
    run.add_argument("--out", type=Path, metavar="DIR", help="write the run folder here")
    run.add_argument("--plot", action="store_true", help="draw the run into the run folder; needs --out")
    run.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    run.set_defaults(command=_run)


def _add_compare(commands: Any) -> None:
    compare = commands.add_parser(
        "compare",
        help="work a scenario's order by several algorithms",
        description="Work the parent order of a scenario by each of several algorithms, in the same markets, and print one table.",
        epilog=_COMPARE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_scenario(compare)
    compare.add_argument(
        "algorithms", type=Path, metavar="ALGORITHMS", help="a YAML file of names and algorithm sections"
    )
    compare.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    compare.set_defaults(command=_compare)


def _add_scenario(parser: Any) -> None:
    """What says which scenario, for every command that runs one."""
    parser.add_argument(
        "scenario", type=Path, metavar="SCENARIO", help="a YAML file, such as scenarios/quickstart.yaml"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="replay this recording instead of the scenario's flow: a LOBSTER message file, a Databento MBO file, or an hftbacktest"
        " L3 file",
    )
    parser.add_argument(
        "--seed", type=_whole(0), metavar="N", help="root of the random streams, in place of the scenario's"
    )
    parser.add_argument(
        "--replications",
        type=_whole(1),
        metavar="N",
        help="run N times, with replications 0 to N-1 of the seed, and print the mean cost with its interval",
    )
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="set a field of the scenario, such as algorithm.slices=40; may be given several times",
    )


def _add_data(commands: Any) -> None:
    data = commands.add_parser("data", help="look at data files", allow_abbrev=False)
    kinds = data.add_subparsers(title="commands", metavar="COMMAND", required=True)
    check = kinds.add_parser(
        "check",
        help="say what data files hold, and what is wrong with them",
        description="Say what recordings hold: LOBSTER message files, Databento MBO files (.dbn, .dbn.zst) and hftbacktest L3 files"
        " (.npz). Exits with 2 if one of them has problems.",
        allow_abbrev=False,
    )
    check.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a recording, plain or compressed")
    check.add_argument("--symbol", metavar="SYMBOL", help="the instrument, where a file has several")
    check.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    check.set_defaults(command=_check)


def _add_schema(commands: Any) -> None:
    schema = commands.add_parser(
        "schema",
        help="print the JSON Schema of scenario files, for completion in an editor",
        description="Print the JSON Schema of scenario files, by which an editor completes names and marks what is wrong.",
        allow_abbrev=False,
    )
    schema.add_argument("--out", type=Path, metavar="FILE", help="write it to this file instead")
    schema.set_defaults(command=_schema)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; --help and usage errors raise SystemExit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A summary with a × in it must not fail in a terminal that knows only ASCII.
            stream.reconfigure(errors="replace")
    args = build_parser().parse_args(argv)
    if "" not in sys.path:
        sys.path.append("")  # classes of the user's own, named in a scenario, lie beside where the command is given
    try:
        code = _run_command(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone, as in `simexec ... | head`. Python would complain again as it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


def _run_command(args: argparse.Namespace) -> int:
    try:
        code: int = args.command(args)
        return code
    except InputError as error:
        return _failed(str(error), WRONG_INPUT)
    except SimexecError as error:
        return _failed(f"the run failed: {error}", FAILED)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _failed(f"{error.filename or 'the system'}: {error.strerror or error}", FAILED)
    except KeyboardInterrupt:
        return _failed("interrupted", INTERRUPTED)
    except Exception as error:
        return _failed(f"{type(error).__name__}: {error} (a defect; SIMEXEC_DEBUG=1 shows where)", FAILED)


def _run(args: argparse.Namespace) -> int:
    _check_out(args)
    from simexec.config import load_scenario

    scenario = load_scenario(args.scenario, overrides=args.overrides, data=args.data, seed=args.seed)
    if args.replications is not None:
        from simexec.experiments.replications import format_replications, replicate, replications_json

        with progress_bar() as progress:
            several = replicate(scenario, args.replications, progress=progress)
        _print(several, args.json, replications_json, format_replications)
        return DONE

    from simexec.analysis.summary import format_run, run_json
    from simexec.experiments.run import run_scenario

    with progress_bar() as progress:
        result = run_scenario(scenario, progress=progress)
    if args.out is not None:
        from simexec.analysis.run_folder import write_run

        write_run(result, args.out, plot=args.plot)
    _print(result, args.json, run_json, format_run)
    return DONE


def _compare(args: argparse.Namespace) -> int:
    from simexec.config import load_scenario
    from simexec.experiments.compare import compare, comparison_json, format_comparison, read_algorithms

    scenario = load_scenario(args.scenario, overrides=args.overrides, data=args.data, seed=args.seed)
    with progress_bar() as progress:
        found = compare(scenario, read_algorithms(args.algorithms), args.replications or 1, progress=progress)
    _print(found, args.json, comparison_json, format_comparison)
    return DONE


def _check_out(args: argparse.Namespace) -> None:
    """Refuse, before anything runs, what would fail or destroy something afterwards."""
    if args.plot and args.out is None:
        raise InputError("--plot needs --out DIR, the folder that the figure is written to")
    if args.out is None:
        return
    if args.replications is not None:
        raise InputError(f"--out {args.out} keeps a single run; leave out --replications {args.replications}")
    from simexec.analysis.new_folder import check_out_dir

    check_out_dir(args.out)


def _check(args: argparse.Namespace) -> int:
    from simexec.market.check import check_file, format_check

    reports = [check_file(path, symbol=args.symbol) for path in args.files]
    if args.json:
        _print_json(reports[0] if len(reports) == 1 else {"files": reports})
    else:
        print("\n\n".join(format_check(report) for report in reports))
    wrong = [str(path) for path, report in zip(args.files, reports, strict=True) if report["problems"]]
    if wrong:
        raise InputError(f"problems found in {', '.join(wrong)}")
    return DONE


def _schema(args: argparse.Namespace) -> int:
    from simexec.config.schema import schema_text, write_schema

    if args.out is None:
        print(schema_text(), end="")
    else:
        write_schema(args.out)
    return DONE


def _bench(args: argparse.Namespace) -> int:
    from simexec.experiments.bench import format_bench, run_bench

    say = _say_progress if sys.stderr.isatty() else None
    if args.backtest:
        if args.data is not None:
            raise InputError(f"--backtest measures backtests, and --data {args.data} a replay; give one of them")
        from simexec.backtest.bench import run_backtest_bench

        figures = run_backtest_bench(say)
    elif args.data is None:
        figures = run_bench(say)
    else:
        from simexec.experiments.bench_l3 import run_bench_l3

        figures = run_bench_l3(args.data, say)
    _print(figures, args.json, dict, format_bench)
    return DONE


def _print(result: Any, as_json: bool, to_json: Callable[[Any], dict[str, Any]], to_text: Callable[[Any], str]) -> None:
    if as_json:
        _print_json(to_json(result))
    else:
        print(to_text(result))


def _print_json(value: dict[str, Any]) -> None:
    import json

    # NaN is not JSON: a figure that does not exist is null, and a NaN here is a defect.
    print(json.dumps(value, indent=2, allow_nan=False))


def _say_progress(text: str) -> None:
    print(f"simexec: {text} ...", file=sys.stderr, flush=True)


def _failed(message: str, code: int) -> int:
    if os.environ.get("SIMEXEC_DEBUG") == "1":
        import traceback

        traceback.print_exc()
    _say_error(message)
    return code


def _say_error(message: str) -> None:
    print(f"simexec: error: {' '.join(message.split())}", file=sys.stderr)


def _whole(at_least: int) -> Callable[[str], int]:
    """An argparse type: a whole number that is not too small."""

    def whole(text: str) -> int:
        if not text.strip().lstrip("+").isdecimal() or int(text) < at_least:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {at_least}, not {text!r}")
        return int(text)

    return whole
