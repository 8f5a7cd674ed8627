"""An A2A 0.3 agent to test clients against, on the last 0.3 Python SDK.

Serves JSON-RPC and HTTP+JSON. This is the real 0.3 implementation and not the
compatibility mode of the 1.0 SDK: the two differ on the wire in small things,
so a client that claims 0.3 is tested against both.
"""

from __future__ import annotations

import asyncio
import base64
import logging

import httpx
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.apps import A2ARESTFastAPIApplication, A2AStarletteApplication
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.tasks import (
    BasePushNotificationSender,
    InMemoryPushNotificationConfigStore,
    InMemoryTaskStore,
    TaskUpdater,
)
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentExtension,
    AgentInterface,
    AgentProvider,
    AgentSkill,
    DataPart,
    FilePart,
    FileWithBytes,
    FileWithUri,
    HTTPAuthSecurityScheme,
    Part,
    SecurityScheme,
    TaskState,
    TextPart,
    TransportProtocol,
)
from a2a.utils import new_task

import behaviour
import serving

JSONRPC_PATH = '/a2a/jsonrpc'
REST_PATH = '/a2a/rest'
EXTENSION = 'https://example.invalid/extensions/timestamp/v1'


def to_part(piece: behaviour.Piece) -> Part:
    match piece.kind:
        case 'text':
            return Part(root=TextPart(text=piece.value))
        case 'data':
            return Part(root=DataPart(data=piece.value))
        case 'raw':
            content = base64.b64encode(piece.value).decode()
            return Part(
                root=FilePart(file=FileWithBytes(bytes=content, mime_type=piece.media_type, name=piece.filename))
            )
        case 'url':
            return Part(
                root=FilePart(file=FileWithUri(uri=piece.value, mime_type=piece.media_type, name=piece.filename))
            )


class PeerExecutor(AgentExecutor):
    def __init__(self) -> None:
        self.waiting_on: dict[str, str] = {}

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        task_id, context_id = context.task_id, context.context_id
        steps = behaviour.plan(context.get_user_input(), self.waiting_on.pop(task_id, None))
        updater = TaskUpdater(event_queue, task_id, context_id)
        task_sent = context.current_task is not None
        for step in steps:
            if isinstance(step, behaviour.Reply):
                await event_queue.enqueue_event(updater.new_agent_message([Part(root=TextPart(text=step.text))]))
                return
            if not task_sent:
                await event_queue.enqueue_event(new_task(context.message))
                task_sent = True
            match step:
                case behaviour.Status(state, text):
                    message = updater.new_agent_message([Part(root=TextPart(text=text))]) if text else None
                    # The stream also ends where the agent waits for its user.
                    final = state in ('input-required', 'auth-required')
                    await updater.update_status(TaskState(state), message, final=final)
                case behaviour.Artifact(id, name, pieces, append, last):
                    parts = [to_part(piece) for piece in pieces]
                    await updater.add_artifact(parts, artifact_id=id, name=name, append=append, last_chunk=last)
                case behaviour.Pause(seconds):
                    await asyncio.sleep(seconds)
                case behaviour.Expect(question):
                    self.waiting_on[task_id] = question
                case behaviour.Crash():
                    raise RuntimeError('the agent crashed on purpose')

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.waiting_on.pop(context.task_id, None)
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def make_card(base: str, bearer: bool) -> AgentCard:
    return AgentCard(
        name='Test peer',
        description='An agent whose behaviour the first word of the message picks.',
        version='1.0.0',
        protocol_version='0.3.0',
        provider=AgentProvider(organization='test', url='https://example.invalid'),
        url=base + JSONRPC_PATH,
        preferred_transport=TransportProtocol.jsonrpc,
        additional_interfaces=[
            AgentInterface(url=base + JSONRPC_PATH, transport=TransportProtocol.jsonrpc),
            AgentInterface(url=base + REST_PATH, transport=TransportProtocol.http_json),
        ],
        capabilities=AgentCapabilities(
            streaming=True,
            push_notifications=True,
            extensions=[AgentExtension(uri=EXTENSION, description='Optional; declared so that clients see one.')],
        ),
        supports_authenticated_extended_card=True,
        default_input_modes=['text/plain'],
        default_output_modes=['text/plain', 'application/json', 'image/png'],
        skills=[
            AgentSkill(
                id='scripted', name='Scripted', description=behaviour.HELP, tags=['test'], examples=['stream 3', 'ask']
            )
        ],
        security_schemes={'bearer': SecurityScheme(root=HTTPAuthSecurityScheme(scheme='Bearer'))} if bearer else None,
        security=[{'bearer': []}] if bearer else None,
    )


async def main() -> None:
    args = serving.arguments(__doc__).parse_args()
    logging.basicConfig(level=logging.WARNING)  # to standard error

    sock, base = serving.listen(args.port)
    card = make_card(base, bool(args.bearer))
    extended = card.model_copy(deep=True)
    extended.skills.append(
        AgentSkill(id='private', name='Private', description='Only in the extended card.', tags=['test'])
    )
    push_configs = InMemoryPushNotificationConfigStore()
    handler = DefaultRequestHandler(
        agent_executor=PeerExecutor(),
        task_store=InMemoryTaskStore(),
        push_config_store=push_configs,
        push_sender=BasePushNotificationSender(httpx.AsyncClient(timeout=5), push_configs),
    )
    app = A2AStarletteApplication(card, handler, extended_agent_card=extended).build(rpc_url=JSONRPC_PATH)
    rest = A2ARESTFastAPIApplication(card, handler, extended_agent_card=extended).build()
    app.mount(REST_PATH, rest)

    ready = {
        'ready': True,
        'protocol': ['0.3'],
        'baseUrl': base,
        'card': base + serving.CARD_PATH,
        'jsonrpc': base + JSONRPC_PATH,
        'rest': base + REST_PATH,
    }
    await serving.serve(app, sock, args, ready)


if __name__ == '__main__':
    asyncio.run(main())
