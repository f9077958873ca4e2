"""A machine with Debian 12's kernel: QEMU without KVM, on the host's own file system (read-only).

For what this machine's kernel is not: Linux 6.1, with VLANs and VRFs.  It boots in a few seconds, runs one
script to its end, and is ten to twenty times slower than the host.  ``make`` has put the kernel into
``build/guest`` (``.ci/guest-kernel``).
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / "build" / "guest"
INIT = ROOT / "tests" / "guest" / "init.sh"
MODULES = ("tun", "veth", "8021q", "vrf", "sch_ingress", "cls_bpf", "nf_tables", "sch_htb")
_LEFT_OVER = ("booted", "output", "status")


class MachineFailed(RuntimeError):
    """The machine did not boot, or not come to an end."""


class Machine:
    """Runs one script in a machine of its own."""

    def __init__(self, directory: Path, *, cpus: int = 2, memory: str = "1536M") -> None:
        """``directory`` is the one place of the host that it can write; there are its console and output."""
        self.directory = directory
        self._size = ("-smp", str(cpus), "-m", memory)
        self.booted_after_s = 0.0

    def run(self, script: str, *, within_s: float) -> int:
        """Boot, run ``script`` (of bash, in the directory) and halt; returns its status, raises MachineFailed."""
        self._prepare(script)
        with (self.directory / "qemu.log").open("wb") as said:
            process = subprocess.Popen(
                self._command(within_s), stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        process.wait()
        status = self._text("status")
        if not status:
            how = "was killed: it took too long" if process.returncode == -signal.SIGKILL else "did not finish"
            raise MachineFailed(f"the machine {how} ({self._far()}); see {self.directory}\n{self._end_of_console()}")
        return int(status)

    def _prepare(self, script: str) -> None:
        if not (KERNEL / "initrd").exists():
            raise MachineFailed(f"there is no kernel for it in {KERNEL}: make guest")
        self.directory.mkdir(parents=True, exist_ok=True)
        for name in _LEFT_OVER:
            (self.directory / name).unlink(missing_ok=True)
        (self.directory / "command").write_text(script)

    def _command(self, within_s: float) -> Sequence[str]:
        parameters = {
            "console": "ttyS0",
            "panic": "-1",
            "mitigations": "off",
            "bras_init": INIT,
            "bras_modules": KERNEL / "modules",
            "bras_load": ",".join(MODULES),
        }
        words = " ".join(["quiet", *(f"{name}={value}" for name, value in parameters.items())])
        # With a process namespace of its own a killed test leaves no machine behind.
        return (
            *("unshare", "--pid", "--fork", "--kill-child=KILL", "timeout", "--signal=KILL", str(within_s)),
            *("qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", *self._size),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-serial", f"file:{self.directory}/console"),
            *("-kernel", str(KERNEL / "vmlinuz"), "-initrd", str(KERNEL / "initrd"), "-append", words),
            *_shared("/", "root", "readonly=on,multidevs=remap"),
            *_shared(str(self.directory), "work", "multidevs=remap"),
        )

    def _text(self, name: str) -> str:
        path = self.directory / name
        return path.read_text(errors="replace").strip() if path.exists() else ""

    def _far(self) -> str:
        booted = self._text("booted")
        return f"its kernel needed {booted} s to boot" if booted else "it did not boot"

    def _end_of_console(self) -> str:
        return "\n".join([*self._text("console").splitlines()[-15:], *self._text("output").splitlines()[-25:]])


def _shared(path: str, tag: str, options: str) -> tuple[str, ...]:
    """Return QEMU's words for a directory of the host that the machine mounts by 9p."""
    return (
        *("-fsdev", f"local,id={tag},path={path},security_model=none,{options}"),
        *("-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"),
    )
