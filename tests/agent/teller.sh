# An agent that answers with the task that it was given, and knows that it was asked before.
set -eu

task=$(cat)
echo '{"type": "remember", "data": {"asked": true}}'
printf '{"type": "agent_message", "data": {"text": "%s"}}\n' "$(printf '%s' "$task" | sed 's/[\\"]/ /g')"
printf '{"type": "result", "structured_output": %s}\n' "$task"
