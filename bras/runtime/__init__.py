"""The asyncio shell round the machine: sockets, clocks and people; nothing that decides."""
