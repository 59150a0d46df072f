"""Stands in for `az`, `azd`, `azcopy`, `make` and `dropzone` in a process of its own: takes what they take, of what is there.

What it knows lies in the file that `$STAND_IN` names, as JSON, and each call changes that. A name that nothing made is refused
as Azure refuses it: resource groups, apps, accounts, containers, deployments of another place, settings that are not set.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Final

from tests.guides.az_options import NotTakenError, parse
from tests.guides.azure import Azure, RefusedError

PROJECT: Final = Path(__file__).parents[2]


def main() -> int:
    """What the program of this name would give back."""
    world = Path(os.environ["STAND_IN"])
    azure = Azure(json.loads(world.read_text(encoding="utf-8")))
    try:
        printed = PROGRAMS[Path(sys.argv[0]).name](azure, sys.argv[1:])
    except NotTakenError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return 2
    except RefusedError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return 1
    world.write_text(json.dumps(azure.known, indent=1), encoding="utf-8")
    sys.stdout.write(printed)
    return 0


def az(azure: Azure, words: list[str]) -> str:
    """The Azure CLI."""
    name, given = parse(words)
    if name == "login":
        azure.known["signed_in"] = True
        return ""
    if not azure.known["signed_in"]:
        raise RefusedError("Please run 'az login' to setup account.")
    found = azure.asked(name, {option: " ".join(values) for option, values in given.items()})
    query = " ".join(given.get("--query", []))
    return _shown(found, query) + "\n"


def _shown(found: Any, query: str) -> str:
    """The answers to the queries that the guides ask; another one is added here."""
    if not query:
        return json.dumps(found)
    if re.fullmatch(r"[\w.]+", query):
        for key in query.split("."):
            found = (found or {}).get(key)
        return found if isinstance(found, str) else json.dumps(found)
    if query == "[0].name":
        return str(found[0]["name"]) if found else ""
    if query == "[].name":
        return "\n".join(each["name"] for each in found)
    if query.startswith("[].{"):
        return json.dumps(found)
    raise NotTakenError(f"no answer was recorded to --query {query}")


def azd(azure: Azure, words: list[str]) -> str:
    """The Azure Developer CLI; `azd up` asks for subscription and region and puts the answers into its environment."""
    match words:
        case ["auth", "login"]:
            azure.known["azd_signed_in"] = True
        case ["env", "new", name]:
            azure.known["azd_environment"] = name
        case ["up"] | ["deploy", "app", "--from-package", "dist/app.zip"]:
            _azd_is_ready(azure)
            azure.deploy(f"{azure.known['azd_environment']}-1764460000", azure.known["azd_environment"], "westeurope")
            azure.known["code"].append(f"dz-app-{azure.known['azd_environment']}")
        case ["env", "get-values"]:
            _azd_is_ready(azure)
            values = azure.outputs(azure.known["azd_environment"])
            return "".join(f'{name}="{value}"\n' for name, value in values.items())
        case ["down", "--purge"]:
            _azd_is_ready(azure)
            del azure.known["installations"][azure.known["azd_environment"]]
        case _:
            raise NotTakenError(f"azd {' '.join(words)}")
    return ""


def _azd_is_ready(azure: Azure) -> None:
    if not azure.known["azd_signed_in"] or not azure.known["azd_environment"]:
        raise RefusedError("azd: not logged in, or no environment")


def azcopy(azure: Azure, words: list[str]) -> str:
    """azcopy, as the guides use it: from files that are there into a container that is there."""
    options: list[str]
    match words:
        case ["copy", source, url, "--recursive"] if source.startswith("https://"):
            for each in (source, url):
                parts = each.split("/")
                azure.container(parts[2].partition(".")[0], parts[3])
        case ["copy", pattern, url, *options] if set(options) <= {"--recursive", "--put-md5", "--check-length=false"}:
            found = re.fullmatch(r"https://(\w+)\.blob\.core\.windows\.net/([\w-]+)/.*", url)
            if found is None or os.environ.get("AZCOPY_AUTO_LOGIN_TYPE") != "AZCLI":
                raise RefusedError(f"azcopy: no address, or no way to sign in: {url}")
            azure.container(found[1], found[2])
            if not list(Path().glob(pattern)):
                raise RefusedError(f"azcopy: {pattern}: no such file")
        case _:
            raise NotTakenError(f"azcopy {' '.join(words)}")
    return ""


def make(_azure: Azure, words: list[str]) -> str:
    """make, whose targets are those of the Makefile; `package` leaves the package."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        if "=" not in word and not re.search(rf"^{word}:", makefile, re.MULTILINE):
            raise RefusedError(f"make: *** No rule to make target '{word}'.")
    if "package" in words:
        Path("dist").mkdir(exist_ok=True)
        Path("dist/app.zip").touch()
    return ""


def dropzone(azure: Azure, words: list[str]) -> str:
    """The command line, whose words other tests hold: here, whether it would know where its storage is."""
    if words[0] not in ("check", "config", "version", "--version"):
        expected = {name: value for name, value in azure.outputs("prod").items() if "__" in name}
        for name, value in expected.items():
            if os.environ.get(name) != value:
                raise RefusedError(f"no storage account: set {name} to an address")
    for word in words:
        if word.endswith((".csv", ".csv.gz", ".yaml")) and not Path(word).exists():
            raise RefusedError(f"{word} is not there")
    return ""


def python(azure: Azure, words: list[str]) -> str:
    """The project's own, with one of the scripts that ask an installation."""
    if words[:1] != ["-m"] or not (PROJECT / f"{words[1].replace('.', '/')}.py").is_file():
        raise NotTakenError(f"python {' '.join(words)}")
    return dropzone(azure, ["status"])


PROGRAMS: Final = {each.__name__: each for each in (az, azd, azcopy, make, dropzone, python)}

if __name__ == "__main__":
    sys.exit(main())
