"""Runs a Walrus program by the language's page alone: output, error text and exit status as `walrus-run` should have them.

    python3 oracle.py prog.walrus [args...]

Exit status 3: the program needs something that this evaluator leaves out, which standard error names.
"""

import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from evaluate import Machine  # noqa: E402
from lexer import CompileError  # noqa: E402
from library import Exit, Unsupported  # noqa: E402
from values import Thrown, text  # noqa: E402

SKIPPED = 3


def run(path, args):
    machine = Machine([path] + args)
    status, message = end_of(machine, path)
    return status, machine.tasks.told() + message


def end_of(machine, path):
    try:
        machine.load(os.path.realpath(path)).run()
        return 0, ""
    except CompileError as error:
        return 1, f"error: {error.message}"
    except Thrown as thrown:
        return 1, thrown.value if thrown.is_error else f"Thrown value: {text(thrown.value)}"
    except Exit as code:
        return code.args[0] & 0xFF, ""
    except Unsupported as what:
        return SKIPPED, f"not in the oracle: {what}"


def main():
    sys.setrecursionlimit(10**9)
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    sys.stdin.reconfigure(encoding="utf-8", newline="\n")
    status, message = run(sys.argv[1], sys.argv[2:])
    sys.stdout.flush()
    if message:
        print(message, file=sys.stderr)
        sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    # Values and programs nest deeper than the main thread's stack would hold.
    threading.stack_size(1 << 30)
    threading.Thread(target=main).start()
