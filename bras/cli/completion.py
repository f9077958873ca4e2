"""``bras completion SHELL``: what makes a shell complete commands, options, and names that the daemon knows."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

VARIABLE = "_BRAS_COMPLETE"
"""Set by the scripts: what is to be completed."""

_BASH = r"""# bash completion of bras: put it into /usr/share/bash-completion/completions/bras, or source it.
_bras_completion() {
    local line="${COMP_LINE:0:COMP_POINT}" words current breaks=""
    # Words by blanks: bash itself takes a user@realm apart.
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current="${words[-1]}"
    local IFS=$'\n'
    mapfile -t COMPREPLY < <(
        COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) _BRAS_COMPLETE=complete_bash "$1" 2>/dev/null
    )
    # What bash has taken apart it completes from there on.
    local char
    for char in @ : =; do
        [[ $COMP_WORDBREAKS == *"$char"* ]] && breaks+="$char"
    done
    if [[ -n $breaks && $current == *["$breaks"]* ]]; then
        local done="${current%"${current##*["$breaks"]}"}"
        COMPREPLY=("${COMPREPLY[@]#"$done"}")
    fi
}
complete -o default -F _bras_completion bras
"""


class Shell(Enum):
    """A shell that can be told how to complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Your shell.")]) -> None:
    """Print what makes a shell complete commands, options, LAC groups, sessions and users.

    bash: bras completion bash > /usr/share/bash-completion/completions/bras;
    zsh: bras completion zsh > /usr/share/zsh/site-functions/_bras;
    fish: bras completion fish > /usr/share/fish/vendor_completions.d/bras.fish.
    """
    typer.echo(script(shell), nl=False)


def script(shell: Shell) -> str:
    """Return the script of a shell."""
    if shell is Shell.BASH:
        return _BASH
    from typer import completion as shells  # noqa: PLC0415  (keeps the other commands quick)

    made = shells.get_completion_script  # type: ignore[attr-defined]  # where the library has it for itself, too
    return str(made(prog_name="bras", complete_var=VARIABLE, shell=shell.value)).rstrip() + "\n"


def begin() -> None:
    """Make the library know the shells: somebody presses the tabulator key."""
    from typer import completion as shells  # noqa: PLC0415  (nobody else needs it)

    shells.completion_init()  # type: ignore[attr-defined]  # where the library has it for itself, too
