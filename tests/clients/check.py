"""What a program with the official Python client does with the host.

    python check.py legacy|auto HOST CONFIG CWD

The last line of output says what was agreed on.
"""

import asyncio
import json
import os
import sys
import time

from mcp import Client, StdioServerParameters


async def main(mode: str, host: str, config: str, cwd: str) -> None:
    server = StdioServerParameters(
        command=host,
        args=["--config", config, "serve"],
        # What this client does not pass on by itself: how the test finds the processes.
        env=dict(os.environ),
    )
    async with Client(server, mode=mode) as client:

        async def call(name: str, arguments: dict) -> dict:
            result = await client.call_tool(name, arguments)
            assert not result.is_error, f"{name}: {result.content}"
            assert json.loads(result.content[0].text) == result.structured_content
            return result.structured_content

        revision = client.protocol_version
        assert client.server_info.name == "pointsman"
        tools = (await client.list_tools()).tools
        assert len(tools) == 12
        assert all(tool.output_schema and tool.annotations for tool in tools)

        # A prompt of one command in each line: see tests/agent/agent.sh.
        run = await call(
            "spawn_run",
            {
                "backend": "script",
                "role": "worker",
                "cwd": cwd,
                "session_mode": "new",
                "prompt": "say hello\nbig 20000\n",
            },
        )
        waited = await call("wait_for_runs", {"run_ids": [run["run_id"]], "mode": "all"})
        assert waited["done"] and waited["still_running"] == 0
        record = await call("get_run", {"run_id": run["run_id"]})
        assert record["status"] == "completed", record

        events: list[dict] = []
        more = True
        while more:
            page = await call(
                "poll_events",
                {"run_id": run["run_id"], "after_seq": len(events), "wait_ms": 0},
            )
            events += page["events"]
            more = page["truncated"]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert events[-1]["type"] == "run_completed"

        moved = 0
        for event in events:
            for pointer in event["data"].get("artifact_refs", {}):
                value, has_more = "", True
                while has_more:
                    page = await call(
                        "get_event_artifact",
                        {
                            "run_id": run["run_id"],
                            "seq": event["seq"],
                            "field_path": pointer,
                            "offset": len(value.encode()),
                        },
                    )
                    value, has_more = value + page["content"], page["has_more"]
                assert len(value.encode()) == page["total_bytes"]
                moved += 1
        assert moved > 0, "something was large enough to be moved out of its event"

        wrong = await client.call_tool("get_run", {"run_id": "nobody"})
        assert wrong.is_error and "Unknown run_id" in wrong.content[0].text

        # The client goes while an agent works.
        stays = await call(
            "spawn_run",
            {"backend": "script", "role": "worker", "cwd": cwd, "session_mode": "new", "prompt": "stay"},
        )
        await call("poll_events", {"run_id": stays["run_id"], "after_seq": 0})
        began = time.monotonic()
    assert time.monotonic() - began < 2, "the host ends by itself, before it is told by a signal"
    print(json.dumps({"revision": revision, "events": len(events), "moved": moved}))


asyncio.run(main(*sys.argv[1:]))
