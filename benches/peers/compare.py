"""Calls a second and core of `qingting analyze` and of the plain Python pipeline, on the same calls.

    pip install jieba snownlp
    cargo build --release
    python benches/peers/compare.py [--binary PATH] [--rounds N] [FILE...]

CPU time of one thread. What the program loads before the first call is measured on a single call and taken
off, as the Python pipeline's clock starts after its dictionaries are loaded too; reading the calls and
writing the analyses stays in.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def cpu(command):
    """Seconds of CPU that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ours(binary, files, folder):
    out = os.path.join(folder, "out.jsonl")
    rejected = os.path.join(folder, "quarantine.jsonl")
    return cpu([binary, "analyze", *files, "--threads", "1", "--out", out, "--quarantine", rejected])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*")
    parser.add_argument("--binary", default=str(ROOT / "target/release/qingting"))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    files = options.files or sorted(str(path) for path in (ROOT / "models/data/calls").glob("*.jsonl"))
    python, own = [], []
    with tempfile.TemporaryDirectory() as folder:
        first = next(line for line in open(files[0], encoding="utf-8") if line.strip())
        single = os.path.join(folder, "one.jsonl")
        Path(single).write_text(first, encoding="utf-8")
        for _ in range(options.rounds):
            told = subprocess.run(
                [sys.executable, str(HERE / "baseline.py"), *files], check=True, capture_output=True, text=True
            )
            peer = json.loads(told.stdout)
            python.append(peer["calls"] / peer["seconds"])
            own.append((peer["calls"] - 1) / (ours(options.binary, files, folder) - ours(options.binary, [single], folder)))
    python_rate, own_rate = statistics.median(python), statistics.median(own)
    ratio = statistics.median(a / b for a, b in zip(own, python))
    print(f"{peer['calls']} calls, {peer['turns']} turns; medians of {options.rounds} rounds, one thread")
    print("| | calls a second and core |\n|---|---:|")
    print(f"| Python: jieba, SnowNLP, a dozen phrases | {python_rate:.1f} |")
    print(f"| qingting analyze | {own_rate:.1f} |")
    print(f"ratio {ratio:.1f}")


if __name__ == "__main__":
    main()
