"""What must hold inside `[radius.coa]`: addresses that must not meet, clients that can be told apart."""

from __future__ import annotations

from bras.config.coa import CoaConfig
from bras.config.findings import Findings
from bras.config.listen_check import check_listen


def check_coa(coa: CoaConfig | None, findings: Findings) -> None:
    """Note every contradiction; nothing when there is no such section."""
    if coa is None:
        return
    check_listen(coa.listen, "radius.coa.listen", findings)
    check_listen(coa.tls_listen, "radius.coa.tls_listen", findings)
    _check_clients(coa, findings)
    if not coa.listen and not coa.tls_listen and not any("listen" in one.key for one in findings.problems):
        findings.wrong("radius.coa.listen", "it is missing, and tls_listen too", "give at least one of the two")
    if not coa.client:
        findings.doubtful("radius.coa", "nobody may ask: every request is dropped", "add a [[radius.coa.client]]")
    elif coa.tls_listen and not any(client.tls_name for client in coa.client):
        right = "give a [[radius.coa.client]] its tls_name"
        findings.doubtful("radius.coa.tls_listen", "nobody may ask over TLS", right)


def _check_clients(coa: CoaConfig, findings: Findings) -> None:
    """See that names are unique, and that no prefix is two clients'."""
    names: dict[str, int] = {}
    prefixes: dict[str, int] = {}
    for index, client in enumerate(coa.client):
        at = f"radius.coa.client[{index}]"
        if client.name and client.name in names:
            wrong = f'"{client.name}" is the name of radius.coa.client[{names[client.name]}] too'
            findings.wrong(f"{at}.name", wrong, "give each a name of its own")
        names.setdefault(client.name, index)
        for number, prefix in enumerate(client.address):
            if prefix in prefixes:
                wrong = f"{prefix} is in radius.coa.client[{prefixes[prefix]}] too"
                findings.wrong(f"{at}.address[{number}]", wrong, "give each prefix to one client")
            prefixes.setdefault(prefix, index)
