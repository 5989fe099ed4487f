"""Run folders whose values are of other types and sizes: every command ends with a right answer or one line.

    python -m benchmarks.fuzz_types --rounds 3000 --seed 0

Small real runs of each kind of selection are made once. Then, again and again, one to three values of one of
their files are replaced by something else, or keys by others, and the commands that read run folders are run
in this process. What they are given is JSON, TOML and safetensors of the right form: `benchmarks.fuzz` breaks
the form. Each traceback is printed once, with the value that brought it about.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import run as cli
from neuroevo import checkpoint, toml
from neuroevo.errors import NeuroevoError
from neuroevo.run_folder import RunFolder

SMALL = [
    *("--connectome", "celegans-perimotor", "--generations", "4", "--population", "4", "--workers", "0"),
    "--quiet",
]
ECHO = "echo=tests.toy:Echo"
RUNS = {
    "tournament": [
        *("--genome", "connectome", "random", "--task", ECHO, "swimmer:steps=2,held-out=1"),
        *("--margin", "0.5", "--seeds", "2"),
    ],
    "race": ["--genome", "connectome", "random", "--task", ECHO, "--selection", "race", "--seeds", "2"],
    "mixed": ["--genome", "degree", "random", "--task", ECHO, "--selection", "mixed", "--graphs", "2"],
    "paper": ["--genome", "connectome", "--task", ECHO, "--search", "paper:elite=2", "--seeds", "2"],
}
COMMANDS = (
    ["report"],
    ["resume", "--workers", "0", "--quiet"],
    ["replay"],
)
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        3.5,
        -0.0,
        1e155,
        -1e155,
        1e300,
        1.7e308,
        5e-324,
        2**31,
        2**63,
        -(2**63) - 1,
    ),
    *(
        10**40,
        "",
        "a",
        "a\nb",
        "\x1b[31m",
        "1",
        "echo",
        "done",
        "nan",
        "../x",
        [],
        [[]],
        [1, "a"],
        [None],
        {},
    ),
    *({"a": 1}, {"a": {"b": []}}, [{}], ["echo"], "x" * 5_000, [0.5] * 50),
)


def made(folder: Path) -> dict[str, Path]:
    """Makes the runs, and returns their folders by kind."""
    folders = {}
    for kind, request in RUNS.items():
        path = folder / kind
        if cli.main([*request, *SMALL, "--out", str(path)]):
            raise SystemExit(f"{request} failed")
        # Still under way, and without the sums that tell that anything was changed.
        RunFolder.open(path).write_manifest(status="running", rows={})
        for name in ("report.html", "report.json", "figures"):
            shutil.rmtree(path / name) if (path / name).is_dir() else (path / name).unlink(missing_ok=True)
        folders[kind] = path
    return folders


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yields the paths of all values within a value."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def mutate(value: Any, rng: random.Random) -> str:
    """Changes values within a value, and says what it did."""
    lines = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        known = list(places(value))
        if not known:
            return "; ".join(lines)
        *path, key = rng.choice(known)
        holder = value
        for part in path:
            holder = holder[part]
        kind = rng.random()
        if kind < 0.75:
            new = rng.choice(VALUES)
            holder[key] = json.loads(json.dumps(new))
            lines.append(f"{[*path, key]} = {str(new)[:40]!r}")
        elif kind < 0.9:
            del holder[key]
            lines.append(f"{[*path, key]} gone")
        elif isinstance(holder, dict):
            holder[rng.choice(("a", "", "a\nb", "task", "echo"))] = holder.pop(key)
            lines.append(f"{[*path, key]} renamed")
        else:
            holder.append(rng.choice(VALUES))
            lines.append(f"{path} longer")
    return "; ".join(lines)


def damage(run: Path, rng: random.Random) -> str:
    """Changes one file of a run folder, and says what it did."""
    files = [
        p
        for p in run.rglob("*")
        if p.name.endswith((".json", ".jsonl", ".toml")) or p.name == checkpoint.NEWEST
    ]
    path = rng.choice(sorted(files))
    where = path.relative_to(run).as_posix()
    if path.suffix == ".jsonl":
        lines = path.read_text().splitlines()
        if not lines:
            return f"{where}: empty"
        k = rng.randrange(len(lines))
        row = {"row": json.loads(lines[k])}
        said = mutate(row["row"], rng)
        lines[k] = json.dumps(row["row"])
        path.write_text("\n".join(lines) + "\n")
        return f"{where}, line {k + 1}: {said}"
    if path.suffix == ".json":
        value = json.loads(path.read_text())
        said = mutate(value, rng)
        path.write_text(json.dumps(value))
        return f"{where}: {said}"
    if path.suffix == ".toml":
        import tomli_w

        value = dict(toml.read(path))
        said = mutate(value, rng)
        with contextlib.suppress(TypeError, ValueError):
            path.write_text(tomli_w.dumps(value))
        return f"{where}: {said}"
    arrays, state, _ = checkpoint.load(run)
    (run / checkpoint.PREVIOUS).unlink(missing_ok=True)
    if rng.random() < 0.3 and arrays:
        name = rng.choice(sorted(arrays))
        new = rng.choice(
            (np.zeros(0, np.float32), np.ones((2, 3)), arrays[name][None], arrays[name].astype(np.int64))
        )
        arrays[name] = new
        said = f"array {name} is {new.dtype} {new.shape}"
    else:
        said = mutate(state, rng)
    checkpoint.save(run, arrays, state)
    return f"{where}: {said}"


def opened(run: Path) -> int:
    """Reads a run by the API, as a notebook does."""
    import neuroevo as ne

    try:
        whole = ne.open_run(run)
        for part in ("results", "metrics", "selection", "report", "champion"):
            got = getattr(whole, part, None)
            if callable(got):
                got()
    except NeuroevoError:
        return 2
    return 0


def attempt(run: Path, command: list[str]) -> str:
    """Returns what is wrong with the answer of a command; "" where it is right."""
    errors = io.StringIO()
    started = time.monotonic()
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            status = opened(run) if command == ["open"] else cli.main([command[0], str(run), *command[1:]])
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        frames = traceback.extract_tb(error.__traceback__)
        ours = [
            f"{Path(f.filename).name}:{f.lineno}"
            for f in frames
            if "/neuroevo/" in f.filename or "run.py" in f.filename
        ]
        return f"{type(error).__name__}: {str(error)[:150]} @ {' < '.join(ours[-4:][::-1])}"
    said = errors.getvalue()
    if time.monotonic() - started > 60:
        return "took more than a minute"
    if "Traceback" in said or "Warning" in said:
        last = [line for line in said.splitlines() if line.strip()]
        return f"said: {last[0][:150]} ... {last[-1][:150]}"
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    if status and len(lines) != 1 and command != ["open"]:
        return f"status {status} with {len(lines)} lines: {said[:200]}"
    return ""


def main() -> None:
    """Runs the rounds and prints what was wrong, each fault once, and how often."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, faults, statuses = random.Random(options.seed), Counter(), Counter()
    with tempfile.TemporaryDirectory() as folder:
        runs = made(Path(folder))
        for k in range(options.rounds):
            kind, command = rng.choice(sorted(runs)), list(rng.choice((*COMMANDS, ["report"], ["open"])))
            run = Path(folder) / "damaged"
            shutil.rmtree(run, ignore_errors=True)
            shutil.copytree(runs[kind], run)
            said = damage(run, rng)
            wrong = attempt(run, command)
            statuses[command[0]] += 1
            if wrong:
                key = re.sub(r"damaged|0x[0-9a-f]+|\d{6,}", "", wrong)
                faults[key] += 1
                if faults[key] == 1:
                    print(f"[{k}] {kind} {command[0]}: {said}\n    {wrong}", flush=True)
    print(f"{options.rounds} rounds ({dict(statuses)}): {len(faults)} faults, {sum(faults.values())} times")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
