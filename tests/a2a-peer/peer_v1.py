"""An A2A 1.0 agent to test clients against, on the official Python SDK.

Serves JSON-RPC and HTTP+JSON. With --compat-v03 the same
addresses also speak 0.3, as the SDK's compatibility mode does it.
"""

from __future__ import annotations

import asyncio
import logging

import httpx
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
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
    HTTPAuthSecurityScheme,
    Part,
    SecurityRequirement,
    SecurityScheme,
    StringList,
    Task,
    TaskState,
    TaskStatus,
)
from google.protobuf import json_format
from starlette.applications import Starlette

import behaviour
import serving

JSONRPC_PATH = '/a2a/jsonrpc'
REST_PATH = '/a2a/rest'
EXTENSION = 'https://example.invalid/extensions/timestamp/v1'

STATES = {
    'working': TaskState.TASK_STATE_WORKING,
    'input-required': TaskState.TASK_STATE_INPUT_REQUIRED,
    'auth-required': TaskState.TASK_STATE_AUTH_REQUIRED,
    'completed': TaskState.TASK_STATE_COMPLETED,
    'failed': TaskState.TASK_STATE_FAILED,
    'canceled': TaskState.TASK_STATE_CANCELED,
    'rejected': TaskState.TASK_STATE_REJECTED,
}


def to_part(piece: behaviour.Piece) -> Part:
    part = Part(media_type=piece.media_type or '', filename=piece.filename or '')
    if piece.kind == 'data':
        json_format.ParseDict(piece.value, part.data)
    else:
        setattr(part, piece.kind, piece.value)
    return part


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
                await event_queue.enqueue_event(updater.new_agent_message([Part(text=step.text)]))
                return
            if not task_sent:
                status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
                status.timestamp.GetCurrentTime()
                await event_queue.enqueue_event(
                    Task(id=task_id, context_id=context_id, status=status, history=[context.message])
                )
                task_sent = True
            match step:
                case behaviour.Status(state, text):
                    message = updater.new_agent_message([Part(text=text)]) if text else None
                    await updater.update_status(STATES[state], message)
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


def make_card(base: str, bearer: bool, compat_v03: bool) -> AgentCard:
    versions = ['1.0', '0.3'] if compat_v03 else ['1.0']
    interfaces = [
        AgentInterface(url=base + path, protocol_binding=binding, protocol_version=version)
        for version in versions
        for binding, path in (('JSONRPC', JSONRPC_PATH), ('HTTP+JSON', REST_PATH))
    ]
    card = AgentCard(
        name='Test peer',
        description='An agent whose behaviour the first word of the message picks.',
        version='1.0.0',
        provider=AgentProvider(organization='test', url='https://example.invalid'),
        supported_interfaces=interfaces,
        capabilities=AgentCapabilities(
            streaming=True,
            push_notifications=True,
            extended_agent_card=True,
            extensions=[AgentExtension(uri=EXTENSION, description='Optional; declared so that clients see one.')],
        ),
        default_input_modes=['text/plain'],
        default_output_modes=['text/plain', 'application/json', 'image/png'],
        skills=[
            AgentSkill(
                id='scripted', name='Scripted', description=behaviour.HELP, tags=['test'], examples=['stream 3', 'ask']
            )
        ],
    )
    if bearer:
        scheme = SecurityScheme(http_auth_security_scheme=HTTPAuthSecurityScheme(scheme='Bearer'))
        card.security_schemes['bearer'].CopyFrom(scheme)
        card.security_requirements.append(SecurityRequirement(schemes={'bearer': StringList()}))
    return card


async def main() -> None:
    parser = serving.arguments(__doc__)
    parser.add_argument('--compat-v03', action='store_true', help='also speak A2A 0.3 on the same addresses')
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)  # to standard error

    sock, base = serving.listen(args.port)

    card = make_card(base, bool(args.bearer), args.compat_v03)
    extended = AgentCard()
    extended.CopyFrom(card)
    extended.skills.append(
        AgentSkill(id='private', name='Private', description='Only in the extended card.', tags=['test'])
    )
    push_configs = InMemoryPushNotificationConfigStore()
    handler = DefaultRequestHandler(
        agent_executor=PeerExecutor(),
        task_store=InMemoryTaskStore(),
        agent_card=card,
        extended_agent_card=extended,
        push_config_store=push_configs,
        push_sender=BasePushNotificationSender(httpx.AsyncClient(timeout=5), push_configs),
    )
    app = Starlette(
        routes=[
            *create_agent_card_routes(card),
            *create_jsonrpc_routes(handler, JSONRPC_PATH, enable_v0_3_compat=args.compat_v03),
            *create_rest_routes(handler, path_prefix=REST_PATH, enable_v0_3_compat=args.compat_v03),
        ]
    )
    ready = {
        'ready': True,
        'protocol': ['1.0', '0.3'] if args.compat_v03 else ['1.0'],
        'baseUrl': base,
        'card': base + serving.CARD_PATH,
        'jsonrpc': base + JSONRPC_PATH,
        'rest': base + REST_PATH,
    }
    await serving.serve(app, sock, args, ready)


if __name__ == '__main__':
    asyncio.run(main())
