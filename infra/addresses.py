"""Prints what an operator's shell needs to know of an installation: `eval "$(python3 infra/addresses.py prod)"`.

The deployment's own outputs, under the names that infra/main.bicep gives them. Needs the Azure CLI, signed in.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

MAIN: Final = Path(__file__).parent / "main.bicep"
_TWO: Final = 2


def main(arguments: list[str]) -> int:
    """0 with a line to evaluate for each output, else 1 with the reason on standard error."""
    if len(arguments) != _TWO:
        sys.stderr.write("say which installation: python3 infra/addresses.py prod\n")
        return 1
    deployment = f"dropzone-{arguments[1]}"
    command = ["az", "deployment", "sub", "show", "--name", deployment, "--query", "properties.outputs", "--output", "json"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own words
    except FileNotFoundError:
        sys.stderr.write("there is no Azure CLI here: install it, or read the addresses by `azd env get-values`\n")
        return 1
    if done.returncode:
        sys.stderr.write(f"no addresses: {deployment} is not a deployment of the subscription that az is signed in to\n")
        return 1
    sys.stdout.write(exports(json.loads(done.stdout), MAIN.read_text(encoding="utf-8")))
    return 0


def exports(outputs: dict[str, Any], bicep: str) -> str:
    """A line `export NAME=value` for each output of the template.

    Azure gives the names back in a case of its own (`apP_NAME`), so that case is not looked at.
    """
    given = {name.lower(): str(output["value"]) for name, output in outputs.items()}
    names = re.findall(r"^output (\w+) ", bicep, re.MULTILINE)
    return "".join(f"export {name}={shlex.quote(given[name.lower()])}\n" for name in names if name.lower() in given)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
