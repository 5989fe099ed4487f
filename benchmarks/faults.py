"""A fault campaign: real runs, disturbed on purpose, against the same run left in peace.

    python -m benchmarks.faults OUT [--runs 4] [--class NAME ...]

Every class of faults has so many runs of the whole program, of some seconds each, into which faults are
injected at random moments. A run survives if it ends with status 0, after a `resume` where the fault ends
the program. It is identical if results.jsonl, the metrics without seconds, and all champions are equal to the
bit to those of the undisturbed run. Work repeated is what was evaluated more than once, in generations of the
whole run, a fault. Where the task gives infinities (`infinities`), or the run has several machines,
that is so with and without disturbance.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.machines import Machines
from neuroevo.run_folder import RunFolder
from tests.small import without_seconds

ROOT = Path(__file__).parent.parent
FALSE_CLOCK = Path(__file__).parent / "clock"  # on the path of Python: time.time is off, see there
GENERATIONS, POPULATION = 30, 32
LINEAGES = 6
REQUESTS = 12  # of a generation: six lineages in two parts each
REQUEST = [
    "--genome", "connectome", "random", "--task", "faulty=tests.faulty:Faulty:seconds=0.05", "--connectome",
    "celegans-perimotor", "--seeds", "2", "--graphs", "2", "--generations", str(GENERATIONS),
    "--population", str(POPULATION), "--workers", "2", "--deadline", "5", "--quiet",
]  # fmt: skip
MOST_RESUMES = 20
WILD = "wild=0.1"  # share of genomes whose fitness is no finite number, where there are infinities


@dataclass
class Tally:
    """Counts of what became of the runs of one class."""

    runs: int = 0
    faults: int = 0
    survived: int = 0
    identical: int = 0
    calls: int = 0
    problems: list[str] = field(default_factory=list)


class Process:
    """A run of the program with its children; it runs on the first machine where there are several.

    Plug-ins are found in the working folder, which is that of the program, whose tests have the task.
    """

    def __init__(self, arguments: list[str], folder: Path, machines: Machines | None = None) -> None:
        command = [sys.executable, str(ROOT / "run.py"), *arguments]
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        if (folder / "clock").exists():
            variables |= {"PYTHONPATH": f"{FALSE_CLOCK}:{ROOT}", "FALSE_CLOCK": str(folder / "clock")}
        self.machines = machines
        if machines:
            command = machines.command(machines.names[0], *command, "--address", machines.address)
            variables |= machines.environment
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def wait(self) -> tuple[int, str]:
        """Returns the status and what was said on standard error."""
        _, errors = self.process.communicate(timeout=600)
        return self.process.returncode, errors

    def children(self, name: str) -> list[int]:
        """Returns processes that descend from this one, by the beginning of their command."""
        parents, descendants = {}, []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text().rpartition(")")[2].split()
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue
                parents[int(entry.name)] = (int(stat[1]), command)
        for pid, (parent, command) in parents.items():
            above = parent
            while above in parents and above != self.process.pid:
                above = parents[above][0]
            if above == self.process.pid and name in command.split(" ")[0]:
                descendants.append(pid)
        return sorted(descendants)


Injection = Callable[[Process, Path, random.Random], int]  # returns the number of faults


def until_evolving(process: Process, run: Path) -> bool:
    """Waits until a run has rows of metrics; returns False if it ends before that."""
    start = (run / "metrics.jsonl").stat().st_size if (run / "metrics.jsonl").exists() else 0
    while process.process.poll() is None:
        if (run / "metrics.jsonl").exists() and (run / "metrics.jsonl").stat().st_size > start:
            return True
        time.sleep(0.05)
    return False


def signalled(name: str, number: signal.Signals, times: int, pause: float) -> Injection:
    """Sends a signal to children of a kind, again and again at random moments."""

    def inject(process: Process, run: Path, rng: random.Random) -> int:
        done = 0
        until_evolving(process, run)
        while done < times and process.process.poll() is None:
            time.sleep(rng.uniform(0.2, pause))
            targets = process.children(name)
            if targets:
                os.kill(rng.choice(targets), number)
                done += 1
        return done

    return inject


def driver_killed(process: Process, run: Path, rng: random.Random) -> int:
    """Kills the program itself."""
    time.sleep(rng.uniform(0.0, 12.0))
    if process.process.poll() is not None:
        return 0
    process.process.kill()
    return 1


def ordered(*faults: str) -> Injection:
    """Orders faults from the task, through its folder.

    One after another, with a generation between them: three in a row of one request are no disturbance but a
    lineage that fails, which the run rightly goes on without.
    """

    def inject(process: Process, run: Path, rng: random.Random) -> int:
        for k, fault in enumerate(faults):
            if not until_evolving(process, run):
                return k
            time.sleep(rng.uniform(0.1, 1.0))
            (run.parent / "faults" / f"{fault}-{k}").touch()
            while (run.parent / "faults" / f"{fault}-{k}").exists() and process.process.poll() is None:
                time.sleep(0.05)
        return len(faults)

    return inject


def checkpoint_damaged(process: Process, run: Path, rng: random.Random) -> int:
    """Kills the program, and flips a bit of its newest checkpoint or cuts it short."""
    if not until_evolving(process, run):
        return 0
    time.sleep(rng.uniform(0.5, 4.0))
    process.process.kill()
    process.process.wait()
    path = run / "checkpoint.safetensors"
    if not path.exists():
        return 1
    data = bytearray(path.read_bytes())
    if rng.random() < 0.5:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    else:
        del data[rng.randrange(len(data)) :]
    path.write_bytes(data)
    return 2


def disk_full(process: Process, run: Path, rng: random.Random) -> int:
    """Lets no file of the program grow any further."""
    if not until_evolving(process, run):
        return 0
    time.sleep(rng.uniform(0.0, 3.0))
    limit = rng.choice([1_000, (run / "metrics.jsonl").stat().st_size + 100])
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    return 1


def rows_torn(process: Process, run: Path, rng: random.Random) -> int:
    """Kills the program, and cuts rows of metrics short, zeroes some, changes, doubles or removes them."""
    if not until_evolving(process, run):
        return 0
    time.sleep(rng.uniform(0.5, 4.0))
    process.process.kill()
    process.process.wait()
    path = run / "metrics.jsonl"
    data = path.read_bytes()
    lines = data.splitlines(keepends=True)
    place = rng.randrange(len(lines))
    torn = [
        data[: rng.randrange(len(data))],
        bytes(len(data)),
        b"".join([*lines[:place], bytes(len(lines[place])), *lines[place + 1 :]]),
        b"".join([*lines[:place], lines[place].replace(b"1", b"2"), *lines[place + 1 :]]),
        b"".join([*lines[: place + 1], *lines[place:]]),
        b"".join([*lines[:place], *lines[place + 1 :]]),
    ]
    path.write_bytes(rng.choice(torn))
    return 2


def scoring_disturbed(process: Process, run: Path, rng: random.Random) -> int:
    """Makes scorings raise and end their process, some of them so often that they are given up.

    Half of the programs are killed then, too. What failed is scored by `resume`.
    """
    while process.process.poll() is None and len(list(run.glob("champions/*"))) < LINEAGES:
        time.sleep(0.02)
    faults = [rng.choice(["raise", "die"]) for _ in range(8)]
    for k, fault in enumerate(faults):
        (run.parent / "faults" / f"{fault}-{k}").touch()
    time.sleep(rng.uniform(0.0, 8.0))
    if rng.random() < 0.5 and process.process.poll() is None:
        process.process.kill()
        faults.append("kill")
    return len(faults)


def clock_changed(process: Process, run: Path, rng: random.Random) -> int:
    """Puts the clock that the run's Python processes read forward or back, by seconds to days."""
    until_evolving(process, run)
    for _ in range(4):
        time.sleep(rng.uniform(0.2, 1.0))
        new = run.parent / "new"
        new.write_text(str(rng.choice([-1, 1]) * 10 ** rng.uniform(1, 6)))
        new.replace(run.parent / "clock")
    return 4


def node_killed(process: Process, run: Path, rng: random.Random) -> int:
    """Takes the power from a machine, and starts it again some seconds later."""
    machines = process.machines
    assert machines
    until_evolving(process, run)
    time.sleep(rng.uniform(0.2, 3.0))
    name = rng.choice(machines.names[1:])
    machines.kill(name)
    time.sleep(rng.uniform(0.5, 5.0))
    machines.start(name)
    return 1


def node_cut_off(seconds: float) -> Injection:
    """Pulls a machine's cable for a time; if the cluster has given it up by then, its Ray is started anew."""

    def inject(process: Process, run: Path, rng: random.Random) -> int:
        machines = process.machines
        assert machines
        until_evolving(process, run)
        time.sleep(rng.uniform(0.2, 3.0))
        name = rng.choice(machines.names[1:])
        machines.cut(name)
        time.sleep(seconds)
        machines.mend(name)
        if seconds > 10:
            machines.kill(name)
            machines.start(name)
        return 1

    return inject


ON_MACHINES = ("node killed", "node cut off", "node cut off shortly")  # network namespaces, see `machines`
CLASSES: dict[str, Injection] = {
    "worker killed": signalled("ray::Actor", signal.SIGKILL, 6, 2.0),
    "worker stopped": signalled("ray::Actor", signal.SIGSTOP, 2, 4.0),
    "raylet killed": signalled("raylet", signal.SIGKILL, 1, 3.0),
    "driver killed": driver_killed,
    "exceptions": ordered("raise", "raise", "raise", "raise"),
    "task ends its process": ordered("die", "die", "die", "die"),
    "checkpoint damaged": checkpoint_damaged,
    "disk full": disk_full,
    "scoring killed and failed": scoring_disturbed,
    "rows of metrics torn": rows_torn,
    "clock changed": clock_changed,
    "infinities": signalled("ray::Actor", signal.SIGKILL, 3, 2.0),
    "node killed": node_killed,
    "node cut off": node_cut_off(40.0),
    "node cut off shortly": node_cut_off(2.0),
}


def carried_through(
    out: Path, inject: Injection, rng: random.Random, tally: Tally, machines: Machines | None = None
) -> None:
    """Makes one disturbed run, resumes it as often as it takes, and counts what became of it."""
    (out / "faults").mkdir(parents=True)
    run = out / "run"
    if inject is clock_changed:
        (out / "clock").write_text("0")
    arguments = f'seconds=0.05,folder="{out / "faults"}"' + (
        f",{WILD}" if out.name.startswith("infinities") else ""
    )
    options = [x.replace("seconds=0.05", arguments) for x in REQUEST]
    process = Process([*options, "--out", str(run)], out, machines)
    tally.runs += 1
    faults = inject(process, run, rng)
    status, errors = process.wait()
    for _ in range(MOST_RESUMES):
        if status == 0:
            break
        again = [*options, "--out", str(run)] if not run.exists() else ["resume", str(run), "--quiet"]
        process = Process(again, out, machines)
        status, errors = process.wait()
    tally.faults += faults
    if status != 0:
        tally.problems.append(errors.strip()[-400:])
        return
    tally.survived += 1
    tally.calls += (out / "faults.calls").stat().st_size


def compare(run: Path, wanted: Path) -> str:
    """Returns the name of a file in which two runs differ; empty if there is none."""
    disturbed, plain = RunFolder.open(run), RunFolder.open(wanted)
    if disturbed.results() != plain.results():  # without marks: requests differ in the folder of faults
        return "results.jsonl"
    if without_seconds(disturbed.metrics()) != without_seconds(plain.metrics()):
        return "metrics.jsonl"
    for path in wanted.glob("champions/*/*"):
        if path.read_bytes() != (run / path.relative_to(wanted)).read_bytes():
            return str(path.relative_to(wanted))
    return ""


def kind(name: str) -> str:
    """Returns the folder of the undisturbed run that a class is compared with."""
    return "infinities undisturbed" if name == "infinities" else "undisturbed"


def undisturbed(out: Path, name: str) -> Tally:
    """Makes a run in peace."""
    tally = Tally()
    carried_through(out / name, lambda *_: 0, random.Random(0), tally)
    if tally.problems:
        raise SystemExit(f"The undisturbed run failed: {tally.problems[0]}")
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path, help="new folder")
    parser.add_argument("--runs", type=int, default=4, help="of each class")
    parser.add_argument("--class", nargs="+", dest="classes", default=list(CLASSES), help="of faults")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    out = options.out.resolve()
    tallies: dict[str, Tally] = {}
    peace = {name: undisturbed(out, name) for name in dict.fromkeys(map(kind, options.classes))}
    for name in options.classes:
        tally = tallies[name] = Tally()
        for k in range(options.runs):
            folder, survived = out / f"{name.replace(' ', '-')}-{k}", tally.survived
            moments = random.Random(f"{options.seed} {name} {k}")
            with Machines() if name in ON_MACHINES else contextlib.nullcontext() as machines:
                for machine in machines.names if machines else ():
                    machines.start(machine)
                carried_through(folder, CLASSES[name], moments, tally, machines)
            if tally.survived > survived:
                difference = compare(folder / "run", out / kind(name) / "run")
                tally.identical += not difference
                if difference:
                    tally.problems.append(f"{folder.name}: {difference} differs")
            shutil.rmtree(folder / "faults", ignore_errors=True)
        print(f"{name:<26} {json.dumps(tally.__dict__)}", flush=True)
    print(f"\n{'class':<26} runs  faults  survived  identical  generations repeated a fault")
    for name, tally in tallies.items():
        more = (tally.calls - tally.survived * peace[kind(name)].calls) / REQUESTS / max(1, tally.faults)
        numbers = f"{tally.runs:>4} {tally.faults:>7} {tally.survived:>9} {tally.identical:>10}"
        print(f"{name:<26} {numbers} {more:>10.2f}")


if __name__ == "__main__":
    main()
