"""What importing the room costs."""

from __future__ import annotations

import subprocess
import sys


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = "import sys, simexec.sim; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "'simpy'" in loaded
    for heavy in ("numba", "scipy", "pyarrow", "matplotlib", "asyncio"):
        assert f"'{heavy}'" not in loaded
