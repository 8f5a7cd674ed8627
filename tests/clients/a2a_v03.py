"""What a program with the last official Python client for A2A 0.3 does with a published backend.

    python a2a_v03.py URL TOKEN

The backend is tests/agent/agent.sh: one command in each line of the message. The last line of output says what was
seen.
"""

import asyncio
import json
import sys
import uuid

import httpx
from a2a.client import ClientConfig, ClientFactory
from a2a.client.card_resolver import A2ACardResolver
from a2a.types import (
    Message,
    MessageSendConfiguration,
    Part,
    Role,
    TaskIdParams,
    TaskQueryParams,
    TaskState,
    TextPart,
)


def says(text: str, **more) -> Message:
    part = Part(root=TextPart(text=text))
    return Message(message_id=str(uuid.uuid4()), role=Role.user, parts=[part], **more)


def final(task) -> str:
    return next(it for it in task.artifacts if it.artifact_id == "final-response").parts[0].root.text


async def one(client, message, **more):
    events = [event async for event in client.send_message(message, **more)]
    assert len(events) == 1, events
    return events[0][0]


async def main(url: str, token: str) -> None:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=50) as http:
        card = await A2ACardResolver(http, url).get_agent_card()
        assert card.url and card.preferred_transport == "JSONRPC", card
        assert card.security == [{"bearer": []}], card

        def client(streaming: bool):
            return ClientFactory(ClientConfig(httpx_client=http, streaming=streaming)).create(card)

        plain, streaming = client(False), client(True)
        done = await one(plain, says("say hello"))
        assert done.status.state == TaskState.completed and final(done) == "hello", done

        updates = []
        async for task, update in streaming.send_message(says("say one\nsay two")):
            updates.append(update)
        assert task.status.state == TaskState.completed and final(task) == "one\ntwo", task
        assert updates[0] is None and updates[-1].final, updates
        assert not any(getattr(update, "final", False) for update in updates[1:-1]), updates

        later = MessageSendConfiguration(blocking=False)
        begun = await one(plain, says("stay"), configuration=later)
        while (await plain.get_task(TaskQueryParams(id=begun.id))).status.state != TaskState.working:
            await asyncio.sleep(0.02)
        subscribed = streaming.resubscribe(TaskIdParams(id=begun.id))
        task, update = await anext(subscribed)
        assert update is None and task.id == begun.id, (task, update)
        cancelled = await plain.cancel_task(TaskIdParams(id=begun.id))
        assert cancelled.status.state == TaskState.canceled, cancelled
        rest = [update async for _, update in subscribed]
        assert rest[-1].final and rest[-1].status.state == TaskState.canceled, rest

        again = await one(plain, says("say again", context_id=done.context_id))
        assert again.context_id == done.context_id and again.id != done.id
        try:
            await one(plain, says("say more", task_id=done.id))
            raise SystemExit("an ended task took a message")
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        try:
            async for _ in streaming.send_message(says("say more", task_id=done.id)):
                raise SystemExit("an ended task took a message")
        except Exception as error:
            streamed = f"{type(error).__name__}: {error}"
    print(json.dumps({"over": said, "streamed": streamed}))


asyncio.run(main(*sys.argv[1:]))
