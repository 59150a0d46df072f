"""What is there in a subscription, as far as the guides name it, and what Azure answers to their commands."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

MAIN: Final = Path("infra/main.bicep")
_ALWAYS: Final = ("Microsoft.Authorization", "Microsoft.Resources")
"""Providers that every subscription knows."""
Options = Mapping[str, str]


class RefusedError(Exception):
    """What Azure answers to a command that it takes and does not do."""


def empty() -> dict[str, Any]:
    """A subscription with nothing in it, and nobody signed in."""
    return {
        "signed_in": False, "azd_signed_in": False, "azd_environment": "", "providers": [], "deployments": {},
        "installations": {}, "code": [], "apps": [], "principals": [], "roles": ["Owner", "Contributor"],
        "has_results_in_lake": False,
    }  # fmt: skip


def with_installation(environment: str, location: str) -> dict[str, Any]:
    """A subscription with an installation that was made a while ago by the Azure CLI."""
    azure = Azure(empty())
    azure.known["installations"][environment] = location
    azure.known["deployments"][f"dropzone-{environment}"] = location
    azure.known["has_results_in_lake"] = True  # as the version before left them
    return azure.known


class Azure:
    """Asked by the stand-in, and kept in its file between calls."""

    def __init__(self, known: dict[str, Any]) -> None:
        self.known = known

    def deploy(self, name: str, environment: str, location: str) -> None:
        """Makes an installation, or changes the one of this name."""
        there = self.known["installations"].setdefault(environment, location)
        if there != location:
            raise RefusedError(f"InvalidResourceGroupLocation: rg-dropzone-{environment} is in {there}")
        self.known["deployments"][name] = location

    def outputs(self, environment: str) -> dict[str, str]:
        """What the deployment of an installation puts out, under the names of main.bicep."""
        if environment not in self.known["installations"]:
            raise RefusedError(f"there is no installation {environment}")
        accounts = {name: f"dz{name.lower()}{environment}" for name in ("DROP", "LAKE", "HOST", "RESULTS")}
        values = {
            "AZURE_ENV_NAME": environment,
            "AZURE_LOCATION": self.known["installations"][environment],
            "AZURE_RESOURCE_GROUP": f"rg-dropzone-{environment}",
            "APP_NAME": f"dz-app-{environment}",
            "APP_HOST": f"dz-app-{environment}-a1b2.westeurope-01.azurewebsites.net",
            "WORKSPACE_ID": "44444444-4444-4444-4444-444444444444",
            "IDENTITY_CLIENT_ID": "11111111-1111-1111-1111-111111111111",
            "DROPZONE_DAY_ZONE": "PST",
            **accounts,
            **{
                f"{name}_STORAGE__blobServiceUri": f"https://{account}.blob.core.windows.net"
                for name, account in accounts.items()
            },
            "AzureWebJobsStorage__queueServiceUri": f"https://{accounts['HOST']}.queue.core.windows.net",
        }
        return {name: values[name] for name in re.findall(r"^output (\w+) ", MAIN.read_text(encoding="utf-8"), re.MULTILINE)}

    def container(self, account: str, container: str) -> None:
        """RefusedError when it is not there."""
        if container not in self._containers(account):
            raise RefusedError(f"ContainerNotFound: {container} in {account}")

    def asked(self, command: str, options: Options) -> Any:
        """The answer, as JSON would have it; RefusedError."""
        for option in ("--resource-group", "--account-name"):
            if option in options:
                self._held(option, options[option])
        if command.startswith("functionapp ") and options.get("--name", self._app(options)) != self._app(options):
            raise RefusedError(f"ResourceNotFound: Microsoft.Web/sites/{options['--name']}")
        answer = _ANSWERS.get(command)
        return None if answer is None else answer(self, options)

    def _held(self, option: str, value: str) -> None:
        there = {each[option] for each in map(self._names, self.known["installations"])} if option != "--account-name" else {
            account for each in self.known["installations"] for account in self._accounts(each)
        }  # fmt: skip
        if value not in there:
            raise RefusedError(f"{option} {value}: is not there")

    def _names(self, environment: str) -> dict[str, str]:
        return {"--resource-group": f"rg-dropzone-{environment}", "app": f"dz-app-{environment}"}

    def _accounts(self, environment: str) -> dict[str, str]:
        return {value: name for name, value in self.outputs(environment).items() if name in ("DROP", "LAKE", "HOST", "RESULTS")}

    def _app(self, options: Options) -> str:
        return options.get("--resource-group", "").replace("rg-dropzone-", "dz-app-")

    def _containers(self, account: str) -> set[str]:
        """Those of the parameter file's customer with the account that main.bicep puts them into."""
        of = {found: name for each in self.known["installations"] for found, name in self._accounts(each).items()}
        if account not in of:
            raise RefusedError(f"--account-name {account}: is not there")
        return {
            "DROP": {"drop-acme", "receipts-acme", "journal-acme"},
            "LAKE": {"staged", "config", "state", *(["results-acme"] if self.known["has_results_in_lake"] else [])},
            "HOST": {"app-package", "dead-letters"},
            "RESULTS": {"results-acme"},
        }[of[account]]

    # The commands

    def _deployment(self, options: Options) -> None:
        for option in ("--template-file", "--parameters"):
            if not Path(options[option]).is_file():
                raise RefusedError(f"{options[option]} is not there")
        parameters = Path(options["--parameters"]).read_text(encoding="utf-8")
        for name, default in re.findall(r"readEnvironmentVariable\('(\w+)'(?:, '(\w*)')?\)", parameters):
            if not os.environ.get(name, default):
                raise RefusedError(f"BCP338: environment variable {name} does not exist, and has no default")
        unknown = [each for each in self._providers() if each not in (*_ALWAYS, *self.known["providers"])]
        if unknown and not self.known["installations"]:
            raise RefusedError(f"MissingSubscriptionRegistration: {', '.join(sorted(unknown))}")
        name, location = options.get("--name", "main"), options["--location"]
        if self.known["deployments"].get(name, location) != location:
            raise RefusedError(f"InvalidDeploymentLocation: {name} is in {self.known['deployments'][name]}")

    def _providers(self) -> set[str]:
        text = "".join(path.read_text(encoding="utf-8") for path in MAIN.parent.rglob("*.bicep"))
        return set(re.findall(r"'(Microsoft\.\w+)/[\w/]+@", text))

    def create(self, options: Options) -> None:
        self._deployment(options)
        environment = os.environ.get("AZURE_ENV_NAME", "dev")
        # Outputs come under the deployment's name, and another name would be another deployment of the same.
        self.deploy(options.get("--name", "main"), environment, options["--location"])

    def show(self, options: Options) -> dict[str, Any]:
        if options["--name"] not in self.known["deployments"]:
            raise RefusedError(f"DeploymentNotFound: {options['--name']}")
        outputs = self.outputs(options["--name"].removeprefix("dropzone-"))
        return {"properties": {"outputs": {_as_azure_has_it(name): {"value": value} for name, value in outputs.items()}}}

    def upload_code(self, options: Options) -> None:
        if not Path(options["--src"]).is_file():
            raise RefusedError(f"{options['--src']} is not there")
        self.known["code"].append(options["--name"])

    def delete_group(self, options: Options) -> None:
        environment = options["--name"].removeprefix("rg-dropzone-")
        if self.known["installations"].pop(environment, None) is None:
            raise RefusedError(f"ResourceGroupNotFound: {options['--name']}")

    def delete_deployment(self, options: Options) -> None:
        if self.known["deployments"].pop(options["--name"], None) is None:
            raise RefusedError(f"DeploymentNotFound: {options['--name']}")

    def register(self, options: Options) -> None:
        self.known["providers"].append(options["--namespace"])

    def make_app(self, options: Options) -> dict[str, str]:
        self.known["apps"].append(f"app-{options['--display-name']}")
        return {"appId": self.known["apps"][-1], "id": "another-id"}

    def make_principal(self, options: Options) -> dict[str, str]:
        self._has("apps", options["--id"])
        self.known["principals"].append(f"principal-of-{options['--id']}")
        return {"id": self.known["principals"][-1], "appId": options["--id"]}

    def trust(self, options: Options) -> None:
        self._has("apps", options["--id"])
        json.loads(options["--parameters"])

    def make_role(self, options: Options) -> None:
        role = json.loads(options["--role-definition"])
        if role["AssignableScopes"] != ["/subscriptions/22222222-2222-2222-2222-222222222222"]:
            raise RefusedError(f"InvalidActionOrNotAction: {role['AssignableScopes']}")
        self.known["roles"].append(role["Name"])

    def assign(self, options: Options) -> None:
        if "--assignee" in options:
            raise RefusedError("Cannot find user or service principal in graph database: it was made a moment ago")
        self._has("principals", options["--assignee-object-id"])
        self._has("roles", options["--role"])
        if not options["--scope"].startswith("/subscriptions/22222222"):
            raise RefusedError(f"LinkedInvalidPropertyId: {options['--scope']}")

    def in_container(self, options: Options) -> list[dict[str, str]]:
        container = options.get("--container-name") or options.get("--source") or options["--name"]
        self.container(options["--account-name"], container)
        if "--file" in options and "--overwrite" in options and not Path(options["--file"]).is_file():
            raise RefusedError(f"{options['--file']} is not there")
        if options.get("--auth-mode") != "login":
            raise RefusedError("KeyBasedAuthenticationNotPermitted")
        return []

    def with_keys_off(self, options: Options) -> list[dict[str, str]]:
        if options.get("--auth-mode") != "login":
            raise RefusedError("KeyBasedAuthenticationNotPermitted")
        return [{"name": "drop-events"}]

    def apps(self, options: Options) -> list[dict[str, str]]:
        return [{"name": self._app(options)}]

    def account(self, _options: Options) -> dict[str, str]:
        return {"id": "22222222-2222-2222-2222-222222222222", "tenantId": "33333333-3333-3333-3333-333333333333"}

    def revoke(self, options: Options) -> None:
        self._held("--account-name", options["--name"])

    def _has(self, kind: str, value: str) -> None:
        if value not in self.known[kind]:
            raise RefusedError(f"{value} is not among the {kind}: {self.known[kind]}")


def _as_azure_has_it(name: str) -> str:
    """Names of outputs come back with their first capitals made small: `azurE_LOCATION`, `drop`."""
    capitals = re.match(r"[A-Z]*", name)
    count = len(capitals[0]) if capitals else 0
    small = count if count in (1, len(name)) else count - 1
    return name[:small].lower() + name[small:]


_ANSWERS: Final[Mapping[str, Callable[[Azure, Options], Any]]] = {
    "deployment sub create": Azure.create,
    "deployment sub what-if": Azure._deployment,
    "deployment sub show": Azure.show,
    "deployment sub delete": Azure.delete_deployment,
    "group delete": Azure.delete_group,
    "provider register": Azure.register,
    "functionapp deployment source config-zip": Azure.upload_code,
    "functionapp list": Azure.apps,
    "functionapp function list": Azure.apps,
    "functionapp list-flexconsumption-locations": lambda _azure, _options: [{"name": "westeurope"}],
    "functionapp show": lambda _azure, _options: {"state": "Running"},
    "account show": Azure.account,
    "ad app create": Azure.make_app,
    "ad sp create": Azure.make_principal,
    "ad app federated-credential create": Azure.trust,
    "role definition create": Azure.make_role,
    "role assignment create": Azure.assign,
    "storage blob upload": Azure.in_container,
    "storage blob download": Azure.in_container,
    "storage blob list": Azure.in_container,
    "storage blob delete": Azure.in_container,
    "storage blob delete-batch": Azure.in_container,
    "storage blob undelete": Azure.in_container,
    "storage container restore": Azure.in_container,
    "storage container generate-sas": Azure.in_container,
    "storage message peek": Azure.with_keys_off,
    "storage message clear": Azure.with_keys_off,
    "storage queue list": Azure.with_keys_off,
    "storage account revoke-delegation-keys": Azure.revoke,
    "eventgrid system-topic list": lambda _azure, _options: [{"name": "a-topic"}],
}
