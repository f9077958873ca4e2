"""Run a console script under cProfile between SIGUSR1 and SIGUSR2 only.

    profiled.py OUTPUT SCRIPT [ARGUMENTS]

So the profile holds the set-ups and nothing else: no imports, no teardown.
"""

from __future__ import annotations

import cProfile
import runpy
import signal
import sys


def main() -> None:
    output, script = sys.argv[1:3]
    profile = cProfile.Profile()

    def end(*_: object) -> None:
        profile.disable()
        profile.dump_stats(output)

    signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
    signal.signal(signal.SIGUSR2, end)
    sys.argv = sys.argv[2:]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
