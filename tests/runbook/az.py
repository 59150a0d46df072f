"""The `az` commands of the pages: each is held against the options that it has, and those about storage ask the emulator."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Final

from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from tests.guides.az_options import NotTakenError, parse

ACCOUNTS: Final = ("$HOST", "$DROP", "$LAKE")
_MOST_MESSAGES: Final = 32
"""What the service gives in one answer."""
Options = Mapping[str, list[str]]


def run_az(command: str, connection_string: str) -> list[str]:
    """What the command finds: bodies of messages, or names; nothing for one that only Azure itself can answer.

    AssertionError for a command that the Azure CLI would not take.
    """
    name, options = parsed(command)
    ask = _ASKED.get(name)
    return [] if ask is None else ask(connection_string, options)


def parsed(command: str) -> tuple[str, Options]:
    """A command and its options; AssertionError for one that the Azure CLI would not take."""
    try:
        name, options = parse(shlex.split(command)[1:])
    except NotTakenError as error:
        raise AssertionError(error) from error
    if name.startswith("storage "):
        assert options["--auth-mode"] == ["login"], "there are no keys"
        assert options["--account-name"][0] in ACCOUNTS, options["--account-name"]
    return name, options


def _peek(connection_string: str, options: Options) -> list[str]:
    count = int(options.get("--num-messages", ["1"])[0])
    assert 1 <= count <= _MOST_MESSAGES
    queue = QueueServiceClient.from_connection_string(connection_string).get_queue_client(options["--queue-name"][0])
    return [str(each.content) for each in queue.peek_messages(max_messages=count)]


def _clear(connection_string: str, options: Options) -> list[str]:
    queue = QueueServiceClient.from_connection_string(connection_string).get_queue_client(options["--queue-name"][0])
    queue.clear_messages()
    return []


def _queues(connection_string: str, _options: Options) -> list[str]:
    return [each.name for each in QueueServiceClient.from_connection_string(connection_string).list_queues()]


def _blobs(connection_string: str, options: Options) -> list[str]:
    service = BlobServiceClient.from_connection_string(connection_string)
    container = service.get_container_client(options["--container-name"][0])
    # The container of dead letters is Event Grid's, and the emulator has none.
    return [each.name for each in container.list_blobs(*options.get("--prefix", []))] if container.exists() else []


_ASKED: Final[Mapping[str, Callable[[str, Options], list[str]]]] = {
    "storage message peek": _peek,
    "storage message clear": _clear,
    "storage queue list": _queues,
    "storage blob list": _blobs,
}
