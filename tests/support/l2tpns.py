"""Debian's l2tpns as a LAC of ours: it takes calls from clients in L2TP and switches them on to the LNS under test.

It proves nothing of the client's to the LNS: it authenticates nobody, sends no proxy AVPs, and
after LCP with the client begins anew between the client and the LNS.
"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from tests.support.guest import until
from tests.support.namespaces import Namespace

_PLACE = "/etc/l2tpns"
"""Its directory as it sees it: of longer paths it has no room for each."""
_CONFIGURATION = """\
set debug 3
set log_file "{directory}/log"
set pid_file "{directory}/pid"
set hostname "lts1"
set l2tp_secret "{secret}"
set primary_radius 127.0.0.1
set primary_radius_port 1812
set radius_secret "unused"
set radius_authtypes "pap"
set bind_address {address}
set bind_address_remotelns {address}
set cli_bind_address 127.0.0.1
set cluster_interface "{interface}"
set peer_address 10.255.254.1
set lock_pages no
set cluster_hb_interval 2
set cluster_hb_timeout 5
setforward "user" "{lns}" "1701" "{secret}"
"""


class L2tpns:
    """A running l2tpns that switches every user whose name contains "user" to ``lns``.

    It answers the LNS's Challenge with the secret of its own LNS side, whatever ``setforward``
    says: both are ``secret``.
    """

    def __init__(
        self, namespace: Namespace, directory: Path, *, address: str, interface: str, lns: str, secret: str
    ) -> None:
        """Write its configuration to ``directory``."""
        directory.mkdir()
        self.directory, self._namespace = directory, namespace
        text = _CONFIGURATION.format(directory=_PLACE, address=address, interface=interface, lns=lns, secret=secret)
        (directory / "startup-config").write_text(text)
        (directory / "ip_pool").write_text("10.63.0.0/16\n")
        (directory / "users").write_text("admin:x\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when it serves."""
        # It looks for some of its files nowhere but in /etc/l2tpns.
        script = f'mount --bind "{self.directory}" {_PLACE}; exec l2tpns -c {_PLACE}/startup-config'
        with (self.directory / "output").open("wb") as output:
            self._process = self._namespace.start("unshare", "-m", "sh", "-c", script, stdout=output, stderr=output)
        for _ in until(60):
            if "master" in self.log().lower():  # it has elected itself
                return
            if self._process.poll() is not None:
                break
        self.stop()
        raise AssertionError(f"l2tpns does not serve:\n{self.log()[-3000:]}")

    def log(self) -> str:
        """Return what it wrote."""
        paths = (self.directory / "output", self.directory / "log")
        return "".join(path.read_text(errors="replace") for path in paths if path.exists())

    def stop(self) -> None:
        """End it without a word to anybody."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
