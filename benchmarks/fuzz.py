"""Does every reader of outside data give a value or one line? Coverage-guided fuzzing with atheris.

    python -m benchmarks.fuzz [--seconds 60] [--target NAME ...] [--out runs/fuzz]
    python -m benchmarks.fuzz --target NAME --input FILE

Each target, see `fuzz_targets`, is fuzzed in a process of its own, from valid files that the project writes.

A finding is another exception than a NeuroevoError of one line, a warning, a file where none should be, more
than SECONDS for one input, or more than MEGABYTES beyond what the modules take; its input is kept in --out,
and --input shows what becomes of it. Edges are those of the bytecode of neuroevo and tasks.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

from benchmarks.fuzz_targets import SEPARATOR, TARGETS, Target
from neuroevo.errors import NeuroevoError

HERE = Path(__file__).parent
ROOT = HERE.parent
SECONDS, MEGABYTES = 10, 1024  # for one input
STARTING = 120  # seconds, at most, for the imports of a target
LONGEST, LONG = 1 << 14, 1 << 11  # bytes of an input; what is longer is made by repeating alone
TOKENS = (*rb'" , [ {} nan null -1 1e999 99999999999999999999 \n \ud800'.split(), b"\n", SEPARATOR)
MEMORY = "/dev/shm"  # a disk would be what takes the time
CHILD = """
import atheris, sys
with atheris.instrument_imports(include=["neuroevo", "tasks"]):
    from benchmarks import fuzz
    fuzz.prepare(*sys.argv[1:3])
fuzz.explore(*sys.argv[1:])
"""


# --- what is right ------------------------------------------------------------------------------------


def attempt(target: Target, data: bytes, root: Path, said: list[str] | None = None) -> int:
    """Reads an input with all readers of a target.

    Args:
        target: The target.
        data: Parts, joined by SEPARATOR.
        root: An empty folder, which is also the working folder.
        said: Takes the messages of errors.

    Returns:
        How many readers gave a value.

    Raises:
        AssertionError: If a message has several lines, there was a warning, or a file is left behind.
        Exception: Whatever a reader raises that is no NeuroevoError.
    """
    files, num_read = target.pack(data.split(SEPARATOR)), 0
    messages = [] if said is None else said
    with tempfile.TemporaryDirectory(dir=root) as folder, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        given = Path(folder)
        for name, content in files.items():
            (given / name).parent.mkdir(parents=True, exist_ok=True)
            (given / name).write_bytes(content)
        for read in target.readers:
            try:
                read(given)
                num_read += 1
            except NeuroevoError as error:
                assert len(str(error).splitlines()) == 1, f"not one line: {str(error)!r}"
                messages.append(str(error))
        assert not warned, f"warned: {warned[0].message}"
        left = {str(path.relative_to(given)) for path in given.rglob("*") if path.is_file()}
        left |= {path.name for path in root.iterdir() if path != given}
        assert left == set(files), f"left behind: {sorted(left ^ set(files))}"
    return num_read


def valid(target: Target) -> list[bytes]:
    """Returns valid inputs of a target."""
    inputs = []
    with tempfile.TemporaryDirectory() as folder:
        for parts in target.corpus(Path(folder)):
            inputs.append(SEPARATOR.join(parts))
    return inputs


# --- exploring ----------------------------------------------------------------------------------------


def prepare(name: str, folder: str) -> None:
    """Writes the corpus, and reads it, which imports whatever readers import on first use."""
    corpus, work = Path(folder, "corpus"), Path(folder, "work")
    for path in (corpus, work):
        path.mkdir()
    os.chdir(work)
    for number, data in enumerate(valid(TARGETS[name])):
        (corpus / str(number)).write_bytes(data)
        attempt(TARGETS[name], data, work)
    words = ("".join(f"\\x{byte:02x}" for byte in token) for token in TOKENS)
    Path(folder, "tokens").write_text("".join(f'"{word}"\n' for word in words))


def explore(name: str, folder: str, out: str, seconds: str) -> None:
    """Fuzzes a target, and ends the process."""
    atheris = importlib.import_module("atheris")
    work, places = Path(folder, "work"), set()

    def one(data: bytes) -> None:
        try:
            attempt(TARGETS[name], data, work)
        except (Exception, SystemExit) as error:
            if (where := place(error)) not in places:
                places.add(where)
                path = Path(out, f"{name}-{len(places)}")
                path.write_bytes(data)
                print(f"finding: {where} in {path}", flush=True)

    def mutated(data: bytes, limit: int, seed: int) -> bytes:
        rng = random.Random(seed)
        kind = rng.random()
        if data and kind < 0.01:
            return repeated(data, rng)[:limit]
        if kind < 0.2:
            data = flipped(data, rng)
            if kind < 0.1:
                return data[:limit]
        return atheris.Mutate(data, min(limit, max(LONG, len(data))))

    limit = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 + MEGABYTES
    flags = {"max_total_time": seconds, "timeout": SECONDS, "rss_limit_mb": limit, "max_len": LONGEST}
    flags |= {"len_control": 0, "dict": f"{folder}/tokens", "artifact_prefix": f"{out}/{name}-"}
    arguments = [name, f"{folder}/corpus", *(f"-{flag}={value}" for flag, value in flags.items())]
    atheris.Setup(arguments, one, custom_mutator=mutated)
    atheris.Fuzz()


def repeated(data: bytes, rng: random.Random) -> bytes:
    """Repeats a piece, for what nests deeply or is long has no edges of its own."""
    start, size = rng.randrange(len(data)), rng.randint(1, 8)
    times = int(2 ** rng.uniform(1, 14)) // size
    return data[:start] + data[start : start + size] * times + data[start:]


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Flips a bit near the end of a part, where an array has its few values after a long header."""
    parts = [bytearray(part) for part in data.split(SEPARATOR)]
    part = rng.choice(parts)
    if part:
        part[-1 - min(int(rng.expovariate(0.1)), len(part) - 1)] ^= 1 << rng.randrange(8)
    return SEPARATOR.join(parts)


def place(error: BaseException) -> str:
    """Returns what was raised and the last line of the project that it went through."""
    shown = error.__context__ if isinstance(error, AssertionError) and error.__context__ else error
    frames = traceback.extract_tb(shown.__traceback__)
    ours = [f for f in frames if Path(f.filename).is_relative_to(ROOT) and Path(f.filename).parent != HERE]
    if not ours:
        return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]:.100}"
    return f"{type(error).__name__} at {Path(ours[-1].filename).relative_to(ROOT)}:{ours[-1].lineno}"


def fuzz(name: str, seconds: int, out: Path) -> str:
    """Returns the row of a target, fuzzed in a process of its own."""
    for path in out.glob(f"{name}-*"):
        path.unlink()
    with tempfile.TemporaryDirectory(dir=MEMORY if os.path.isdir(MEMORY) else None) as folder:
        variables = {"NEUROEVO_CACHE": f"{folder}/cache", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        env = os.environ | variables
        command = [sys.executable, "-c", CHILD, name, folder, str(out), str(seconds)]
        with open(Path(folder, "said"), "w+b") as file:
            process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=env)
            try:
                process.wait(seconds + STARTING)
            except subprocess.TimeoutExpired:  # such as a memory that is damaged can leave
                process.kill()
                process.wait()
            file.seek(0)
            said = file.read().decode(errors="replace")
    counts = re.findall(r"^#(\d+)\s+(\w+)\s+cov: (\d+)", said, re.MULTILINE)
    if not counts:
        raise SystemExit(f"{name} could not be fuzzed:\n{said[-2000:]}")
    start = next((cov for _, event, cov in counts if event == "INITED"), "?")
    findings = re.findall("^finding: (.*)", said, re.MULTILINE)
    findings += [str(path) for path in sorted(out.glob(f"{name}-*-*"))]  # of libFuzzer: timeout, oom, crash
    if process.returncode and not findings:
        findings.append(f"the process ended with status {process.returncode}")
    row = f"{name:<16} {int(counts[-1][0]):>10,} {start:>7} {counts[-1][2]:>7} {len(findings):>9}"
    return "\n".join([row, *(f"    {finding}" for finding in findings)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", nargs="+", choices=TARGETS, default=list(TARGETS), metavar="NAME")
    parser.add_argument(
        "--out", type=Path, default=Path("runs", "fuzz"), help="folder of inputs that were findings"
    )
    parser.add_argument("--input", type=Path, help="file to be read once by one target, in place of fuzzing")
    options = parser.parse_args()
    if options.input is not None:
        data = options.input.read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            print(attempt(TARGETS[options.target[0]], data, Path(folder)), "readers gave a value")
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("error: atheris is missing; install it with pip install 'neuroevo[fuzz]'.", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    print(f"{'target':<16} {'executions':>10} {'corpus':>7} {'edges':>7} {'findings':>9}")
    for name in options.target:
        print(fuzz(name, options.seconds, options.out.resolve()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
