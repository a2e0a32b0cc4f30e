"""Who handles Ctrl-C while worker processes start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

from robustnas.workers import interrupts_deferred

CHILD = "import signal, time; time.sleep(0.3); print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"


def test_ctrl_c_while_a_process_starts_comes_afterwards() -> None:
    happened: list[object] = []
    with suppress(KeyboardInterrupt):
        with interrupts_deferred():
            child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True)
            os.kill(os.getpid(), signal.SIGINT)
            happened.append("went on")
        happened.append("was not told")
    child.send_signal(signal.SIGINT)
    told = child.communicate()[0]
    assert (told, child.returncode, happened) == ("True\n", 0, ["went on"])
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
