#!/usr/bin/env python3
"""Greets whom it is told to, with a command that may be denied or changed."""
import json
import subprocess
import sys


def say(**line):
    print(json.dumps(line), flush=True)


def ask(**line):
    say(**line)
    answer = sys.stdin.readline()
    return json.loads(answer) if answer else sys.exit(1)


task = json.loads(sys.stdin.readline())
name = ask(type="input_required", text="Whom shall I greet?", detail={"default": "world"})["text"]
given = {"command": ["echo", "hello", name]}
command = " ".join(given["command"])
answer = ask(type="permission", id=1, kind="command", title=f"Greet {name}", editable=True,
             detail={"command": command, "cwd": task["cwd"], "input": given})
if answer["answer"] in ("allow", "allow_edited"):
    command = answer.get("input", given)["command"]
    done = subprocess.run(command, capture_output=True, text=True)
    say(type="command_finished", item_id="1", data={"output": done.stdout, "exit_code": done.returncode})
    say(type="result", text=done.stdout.strip())
else:
    say(type="result", text=f"nobody was greeted: {answer.get('text', answer['answer'])}")
