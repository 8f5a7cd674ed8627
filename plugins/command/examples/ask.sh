#!/bin/sh
# Makes a file, but asks before it does.
set -eu

printf '{"type":"permission","id":"make-it","kind":"command","title":"Make the file built","detail":{"command":"touch built","cwd":"%s"}}\n' "$PWD"
IFS= read -r answer || exit 1
case $answer in
*'"answer":"allow"'*)
    touch built
    echo '{"type":"command_finished","item_id":"make-it","data":{"exit_code":0,"status":"completed"}}'
    echo '{"type":"result","text":"it is built"}'
    ;;
*'"answer":"deny"'*)
    why=$(printf '%s' "$answer" | sed 's/.*"text":"\([^"\\]*\).*/\1/')
    printf '{"type":"result","text":"not built: %s"}\n' "$why"
    ;;
*) exit 1 ;;
esac
