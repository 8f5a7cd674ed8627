"""A program with the official Python client, whose person is asked about what its runs want.

    python asked.py legacy|auto NAME MANNER CWD HOST ARGS…

Every line of output is JSON. MANNER is what comes of a question: allow, deny, decline, cancel, error, misfit, or none: the
client cannot be asked.
"""

import asyncio
import json
import os
import sys

from mcp import Client, MCPError, StdioServerParameters, types

OVER = ("completed", "failed", "cancelled", "rejected")


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


async def main(mode: str, name: str, manner: str, cwd: str, host: str, *args: str) -> None:
    async def asked(_context: object, params: types.ElicitRequestFormParams) -> types.ElicitResult | types.ErrorData:
        say(asked=params.message, form=params.requested_schema)
        match manner:
            case "allow":
                return types.ElicitResult(action="accept", content={"answer": "allow"})
            case "deny":
                return types.ElicitResult(action="accept", content={"answer": "deny", "feedback": "not today"})
            case "misfit":
                return types.ElicitResult(action="accept", content={"answer": "certainly"})
            case "error":
                return types.ErrorData(code=-32603, message="this client has no window")
            case other:
                return types.ElicitResult(action=other)

    server = StdioServerParameters(command=host, args=list(args), env=dict(os.environ))
    callback = None if manner == "none" else asked
    info = types.Implementation(name=name, version="1")
    async with Client(server, mode=mode, client_info=info, elicitation_callback=callback) as client:

        async def call(tool: str, arguments: dict) -> dict:
            result = await client.call_tool(tool, arguments)
            assert not result.is_error, f"{tool}: {result.content}"
            return result.structured_content

        spawn = {"backend": "script", "role": "worker", "cwd": cwd, "session_mode": "new", "prompt": "say hello\n"}
        run = await call("spawn_run", {**spawn, "access": "full"})
        status, cursor = run["status"], ""
        # Those that leave a question open say so once.
        told = manner not in ("cancel", "error", "misfit", "none")
        assert status == "approval_required", run
        while status not in OVER:
            wait = {"run_ids": [run["run_id"]], "mode": "all", "cursor": cursor, "wait_ms": 1000}
            try:
                waited = await call("wait_for_runs", wait)
            except MCPError:
                if manner != "error":
                    raise
                continue
            cursor = waited["next_cursor"]
            record = await call("get_run", {"run_id": run["run_id"]})
            status = record["status"]
            if status in OVER:
                message = (record.get("error") or {}).get("message")
                say(revision=client.protocol_version, status=status, message=message)
            elif not told:
                told = True
                say(left=status)
            await asyncio.sleep(0.02)


asyncio.run(main(*sys.argv[1:]))
