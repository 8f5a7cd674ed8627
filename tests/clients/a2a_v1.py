"""What a program with the official Python client for A2A 1.0 does with a published backend.

    python a2a_v1.py BINDING VERSION URL TOKEN

BINDING is JSONRPC or HTTP+JSON, VERSION 1.0 or 0.3. The backend is tests/agent/agent.sh: one command in each line of
the message. The last line of output says what was seen.
"""

import asyncio
import json
import sys
import uuid

import httpx
from a2a.client import ClientConfig, ClientFactory
from a2a.client.card_resolver import A2ACardResolver
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskState,
)

COMPLETED = TaskState.TASK_STATE_COMPLETED
WORKING = TaskState.TASK_STATE_WORKING
CANCELED = TaskState.TASK_STATE_CANCELED


def says(text: str, context: str = "", immediately: bool = False) -> SendMessageRequest:
    message = Message(
        message_id=str(uuid.uuid4()), role=Role.ROLE_USER, parts=[Part(text=text)], context_id=context
    )
    request = SendMessageRequest(message=message)
    request.configuration.return_immediately = immediately
    return request


async def connect(http: httpx.AsyncClient, url: str, binding: str, version: str, streaming: bool):
    card = await A2ACardResolver(http, url).get_agent_card()
    kept = [
        interface
        for interface in card.supported_interfaces
        if interface.protocol_binding == binding and interface.protocol_version == version
    ]
    assert len(kept) == 1, card.supported_interfaces
    del card.supported_interfaces[:]
    card.supported_interfaces.extend(kept)
    config = ClientConfig(
        httpx_client=http, streaming=streaming, supported_protocol_bindings=[binding]
    )
    return ClientFactory(config).create(card)


async def one(client, request):
    """Sends without streaming, and gives the task."""
    events = [event async for event in client.send_message(request)]
    assert len(events) == 1, events
    return events[0].task


def final(task) -> str:
    return next(it for it in task.artifacts if it.artifact_id == "final-response").parts[0].text


async def until(client, task_id: str, state) -> None:
    while True:
        task = await client.get_task(GetTaskRequest(id=task_id))
        if task.status.state == state:
            return
        await asyncio.sleep(0.02)


async def main(binding: str, version: str, url: str, token: str) -> None:
    headers = {"A2A-Version": version, "Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=50) as http:
        plain = await connect(http, url, binding, version, streaming=False)
        streaming = await connect(http, url, binding, version, streaming=True)

        # Send and wait.
        done = await one(plain, says("say hello"))
        assert done.status.state == COMPLETED and final(done) == "hello", done
        assert done.history[0].parts[0].text == "say hello"

        # Stream: the task, what it says, its artifact, its end.
        kinds, states, texts = [], [], []
        async for event in streaming.send_message(says("say one\nsay two")):
            kinds.append(event.WhichOneof("payload"))
            if event.HasField("status_update"):
                states.append(event.status_update.status.state)
                texts += [part.text for part in event.status_update.status.message.parts]
        assert kinds[0] == "task" and "artifact_update" in kinds, kinds
        assert states[-1] == COMPLETED and "one" in "".join(texts), (states, texts)

        # Send without waiting, then poll; and go on in the same context.
        begun = await one(plain, says("say polled", immediately=True))
        await until(plain, begun.id, COMPLETED)
        polled = await plain.get_task(GetTaskRequest(id=begun.id))
        assert final(polled) == "polled", polled
        more = await one(plain, says("say again", context=begun.context_id))
        assert more.context_id == begun.context_id and more.id != begun.id
        assert done.context_id != begun.context_id, "two contexts"

        # Leave a stream in its middle, subscribe again, and see the end from another connection.
        stream = streaming.send_message(says("say kept\nstay"))
        first = (await anext(stream)).task
        async for event in stream:
            message = event.status_update.status.message
            if any("staying" in part.text for part in message.parts):
                break
        await stream.aclose()
        subscribed = streaming.subscribe(SubscribeToTaskRequest(id=first.id))
        snapshot = (await anext(subscribed)).task
        assert snapshot.id == first.id and snapshot.status.state == WORKING, snapshot
        said = [part.text for it in [*snapshot.history, snapshot.status.message] for part in it.parts]
        assert sum("kept" in text for text in said) == 2, f"once asked, once said: {said}"
        cancelled = await plain.cancel_task(CancelTaskRequest(id=first.id))
        assert cancelled.status.state == CANCELED, cancelled
        rest = [event async for event in subscribed]
        assert rest[-1].status_update.status.state == CANCELED, rest

        # An agent that fails, and a task that is over.
        failed = await one(plain, says("fail 3"))
        assert failed.status.state == TaskState.TASK_STATE_FAILED, failed
        refused = says("say more")
        refused.message.task_id = failed.id
        try:
            await one(plain, refused)
            raise SystemExit("an ended task took a message")
        except Exception as error:
            said = f"{type(error).__name__}: {error}"

        listed = None
        if version == "1.0":
            page = await plain.list_tasks(ListTasksRequest(page_size=2))
            assert len(page.tasks) == 2 and page.next_page_token, page
            rest = await plain.list_tasks(
                ListTasksRequest(page_size=50, page_token=page.next_page_token)
            )
            listed = page.total_size
            assert len(rest.tasks) == listed - 2, (listed, len(rest.tasks))

    async with httpx.AsyncClient(headers={"A2A-Version": version}, timeout=50) as http:
        http.headers["Authorization"] = "Bearer wrong"
        stranger = await connect(http, url, binding, version, streaming=False)
        try:
            await one(stranger, says("say hello"))
            raise SystemExit("a stranger was let in")
        except Exception as error:
            turned_away = f"{type(error).__name__}: {error}"
    print(json.dumps({"listed": listed, "over": said, "stranger": turned_away}))


asyncio.run(main(*sys.argv[1:]))
