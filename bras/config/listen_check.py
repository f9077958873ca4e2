"""What holds for addresses to listen on, whichever section has them."""

from __future__ import annotations

from ipaddress import ip_address

from bras.config.findings import Findings
from bras.config.listen import Listen


def check_listen(listens: tuple[Listen, ...], at: str, findings: Findings) -> None:
    """See that no port of 0.0.0.0 (or of ::) is asked for again with a single address of that family."""
    for index, listen in enumerate(listens):
        for other in listens:
            same = listen != other and listen.port == other.port and (":" in listen.address) == (":" in other.address)
            if same and ip_address(other.address).is_unspecified:
                wrong = f"port {listen.port} of {listen.address} is among those of {other.address}"
                findings.wrong(f"{at}[{index}]", wrong, "give one of the two")
