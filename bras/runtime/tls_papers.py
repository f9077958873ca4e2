"""Our certificate and what goes with it, as it lies on the disk now."""

from __future__ import annotations

import asyncio

from bras.config.tls import Material, TlsFiles, WrongFile, make


class Papers:
    """What was made of three files; made anew when one of them is another one."""

    __slots__ = ("_made_of", "files", "material", "server_side")

    def __init__(self, files: TlsFiles, *, server_side: bool = False) -> None:
        """Read nothing yet."""
        self.files = files
        self.server_side = server_side
        self.material: Material | None = None
        self._made_of: tuple[tuple[int, int, int], ...] = ()

    @property
    def are_others(self) -> bool:
        """Return whether there are other files now than those that were used."""
        try:
            return self.material is not None and self.files.signature() != self._made_of
        except OSError:
            return False

    async def fresh(self) -> Material:
        """Return what the files are good for; WrongFile when they are good for nothing and never were.

        A certificate that is being replaced and its key may not fit each other for a moment;
        what was good before is good enough then.
        """
        try:
            signature = self.files.signature()
        except OSError as error:
            if self.material is not None:
                return self.material
            wrong = f"{error.filename} cannot be read ({error.strerror})"
            raise WrongFile("tls files", wrong, "give files that this user can read") from None
        if self.material is None or signature != self._made_of:
            try:  # the authorities of a whole system take long enough to hold up a loop
                made = await asyncio.to_thread(make, self.files, server_side=self.server_side)
            except WrongFile:
                if self.material is None:
                    raise
                return self.material
            self.material, self._made_of = made, signature
        return self.material
