"""What the adapters say when storage fails: who acts next, and never a key."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from processing.domain.errors import DropzoneError, LaterError, OperatorError
from processing.ports import IF_ABSENT
from processing.storage import emulator
from processing.storage.azure_blob import AzureBlobStore
from processing.storage.azure_queue import AzureQueue

Answer = Callable[[str], int]


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """A storage service that gives one fixed answer to everything; returns its connection string."""
    with ExitStack() as open_things:

        def start(answer: bytes) -> str:
            listener = open_things.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
            listener.settimeout(0.1)
            done = threading.Event()

            def serve() -> None:
                while not done.is_set():
                    try:
                        client, _ = listener.accept()
                    except OSError:
                        continue
                    with client:
                        client.recv(65536)
                        client.sendall(answer)

            thread = threading.Thread(target=serve)
            thread.start()
            open_things.callback(thread.join)
            open_things.callback(done.set)
            return _string(listener.getsockname()[1])

        yield start


@pytest.fixture
def blobs() -> Iterator[Callable[[str], AzureBlobStore]]:
    """Opens stores that try once."""
    with ExitStack() as clients:

        def open_store(connection_string: str) -> AzureBlobStore:
            client = BlobServiceClient.from_connection_string(connection_string, retry_total=0)
            return AzureBlobStore(clients.enter_context(client))

        yield open_store


def _string(port: int) -> str:
    endpoint = f"http://127.0.0.1:{port}/{emulator.ACCOUNT}"
    return (
        f"DefaultEndpointsProtocol=http;AccountName={emulator.ACCOUNT};AccountKey={emulator.KEY};"
        f"BlobEndpoint={endpoint};QueueEndpoint={endpoint};"
    )


def _answer(status: str, code: str = "", body: bytes = b"", length: int | None = None) -> bytes:
    head = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body) if length is None else length}",
        *([f"x-ms-error-code: {code}"] if code else []),
        'ETag: "0x1"',
        "Last-Modified: Sun, 01 Mar 2026 12:00:00 GMT",
        "Content-Range: bytes 0-99/100",
        "x-ms-blob-type: BlockBlob",
        "Connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


OPERATIONS: dict[str, Callable[[AzureBlobStore], object]] = {
    "head": lambda store: store.head("box", "a"),
    "get": lambda store: store.get("box", "a"),
    "get_range": lambda store: store.get_range("box", "a", etag="0x1", offset=0, length=100),
    "put": lambda store: store.put("box", "a", b"", when=IF_ABSENT),
    "delete": lambda store: store.delete("box", "a"),
    "list_blobs": lambda store: list(store.list_blobs("box")),
    "list_containers": lambda store: list(store.list_containers()),
    "create_container": lambda store: store.create_container("box"),
    "service_time": lambda store: store.service_time(),
    "lease": lambda store: store.lease("box", "a", seconds=15),
    "break_lease": lambda store: store.break_lease("box", "a"),
}
EVERY_OPERATION = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


@EVERY_OPERATION
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Server Busy", "504 Timeout", "408 Timeout"])
def test_a_busy_service_is_tried_later(
    operation: Callable[[AzureBlobStore], object],
    status: str,
    answering: Callable[[bytes], str],
    blobs: Callable[[str], AzureBlobStore],
) -> None:
    with pytest.raises(LaterError) as caught:
        operation(blobs(answering(_answer(status))))
    assert caught.value.__cause__ is not None


@EVERY_OPERATION
def test_a_service_that_is_down_is_tried_later(
    operation: Callable[[AzureBlobStore], object], blobs: Callable[[str], AzureBlobStore]
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(LaterError):
        operation(blobs(_string(port)))


@EVERY_OPERATION
def test_a_missing_permission_is_the_operators_matter_and_shows_no_key(
    operation: Callable[[AzureBlobStore], object],
    azurite: str,
    blobs: Callable[[str], AzureBlobStore],
) -> None:
    wrong_key = "b" + emulator.KEY[1:]
    with pytest.raises(OperatorError) as caught:
        operation(blobs(azurite.replace(emulator.KEY, wrong_key)))
    assert "403" in str(caught.value)
    assert wrong_key not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["get", "get_range"])
def test_a_body_that_breaks_off_is_never_taken_for_the_whole(
    name: str, answering: Callable[[bytes], str], blobs: Callable[[str], AzureBlobStore]
) -> None:
    with pytest.raises(LaterError):
        OPERATIONS[name](blobs(answering(_answer("206 Partial Content", body=b"x" * 60, length=100))))


@pytest.mark.parametrize("name", ["get", "get_range"])
def test_an_answer_shorter_than_the_range_is_never_taken_for_the_whole(
    name: str, answering: Callable[[bytes], str], blobs: Callable[[str], AzureBlobStore]
) -> None:
    with pytest.raises(LaterError):
        OPERATIONS[name](blobs(answering(_answer("206 Partial Content", body=b"x" * 60))))


def test_a_container_that_is_being_deleted_is_made_later(
    answering: Callable[[bytes], str], blobs: Callable[[str], AzureBlobStore]
) -> None:
    store = blobs(answering(_answer("409 Conflict", "ContainerBeingDeleted")))
    with pytest.raises(LaterError):
        store.create_container("box")


def test_a_container_with_an_unprintable_name_cannot_be_listed(azurite: str, blobs: Callable[[str], AzureBlobStore]) -> None:
    store, container = blobs(azurite), f"box-{uuid4().hex}"
    store.create_container(container)
    store.put(container, "unprintable\x01", b"")
    with pytest.raises(OperatorError, match="cannot be listed"):
        list(store.list_blobs(container))


@pytest.mark.parametrize(
    ("status", "expected"),
    [("503 Server Busy", LaterError), ("403 Forbidden", OperatorError), ("404 Not Found", OperatorError)],
)
def test_queues_fail_in_the_same_words(status: str, expected: type[DropzoneError], answering: Callable[[bytes], str]) -> None:
    with QueueServiceClient.from_connection_string(answering(_answer(status)), retry_total=0) as client:
        queue = AzureQueue(client, "work")
        for operation in (
            lambda: queue.send("x"),
            lambda: queue.receive(visibility_seconds=1),
            queue.length,
            queue.peek,
            queue.ensure,
        ):
            with pytest.raises(expected, match="queue work"):
                operation()


@pytest.mark.parametrize("service", ["nobody listens", "silent", "hangs up"])
def test_a_service_that_gives_no_answer_is_named_by_its_address(service: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]

        def hang_up() -> None:
            listener.accept()[0].close()

        if service == "nobody listens":
            listener.close()
        elif service == "hangs up":
            threading.Thread(target=hang_up, daemon=True).start()
        client = BlobServiceClient.from_connection_string(_string(port), retry_total=0, read_timeout=0.2)
        with client, pytest.raises(LaterError) as told:
            AzureBlobStore(client).service_time()
    assert f"storage at 127.0.0.1:{port}" in str(told.value)
    assert "sig" not in str(told.value)
