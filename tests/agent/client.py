"""An agent of the tests that is a client of Pointsman: it runs the Python in its prompt.

`attach()` gives a line to the host that drives its run, as an MCP client has it; `env` replaces variables of its own.
"""

import json
import os
import subprocess
import sys


class Refused(Exception):
    """A tool that refuses."""


class Line:
    def __init__(self, args, env):
        environment = {name: value for name, value in {**os.environ, **env}.items() if value is not None}
        command = [os.environ["POINTSMAN_PROGRAM"], "serve", *args]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, text=True)
        self.last = 0
        self.capabilities = {}

    def request(self, method, params):
        self.last += 1
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "child", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": self.capabilities,
        }
        line = json.dumps({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        while True:
            answer = self.process.stdout.readline()
            if not answer:
                raise Refused(self.process.stderr.read())
            answer = json.loads(answer)
            if answer.get("id") == self.last:
                return answer

    def call(self, tool, **arguments):
        result = self.request("tools/call", {"name": tool, "arguments": arguments})["result"]
        if result.get("isError"):
            raise Refused(result["content"][0]["text"])
        return result["structuredContent"]

    def spawn(self, backend, prompt, **more):
        given = {"backend": backend, "role": "worker", "cwd": os.getcwd(), "session_mode": "new", "prompt": prompt}
        return self.call("spawn_run", **{**given, **more})

    def finish(self, run):
        cursor = None
        while True:
            waited = self.call(
                "wait_for_runs", run_ids=[run["run_id"]], mode="all", cursor=cursor, wait_ms=10000
            )
            cursor = waited["next_cursor"]
            if any(it["status"] in ("completed", "failed", "cancelled", "rejected") for it in waited["changes"]):
                return self.call("get_run", run_id=run["run_id"], max_bytes=40000)


def attach(*args, env=None):
    return Line(["--attach", *args], env or {})


def refused(what, *args, **more):
    """Gives what a refusal says."""
    try:
        return f"not refused: {what(*args, **more)}"
    except Refused as refusal:
        return str(refusal)


def say(**answers):
    print(json.dumps(answers), flush=True)


exec(sys.stdin.read())
