# An agent that answers in JSON: the first time with the file `first`, then with the file `second` of its working
# directory, and keeps what it was asked the second time in `asked-again`.
set -eu

task=$(cat)
if [ -e begun ]; then
    printf '%s' "$task" >asked-again
    answer=$(cat second)
else
    : >begun
    answer=$(cat first)
fi
echo '{"type": "remember", "data": {"talk": 1}}'
echo '{"type": "result", "text": "so be it", "structured_output": '"$answer"', "usage": {"input_tokens": 3, "output_tokens": 2}}'
