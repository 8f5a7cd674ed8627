# The agent of the tests: it does what its prompt says, one command in each line.
#
#   say TEXT      prints it
#   big BYTES     prints so many bytes of nothing in particular
#   grumble TEXT  says it on standard error
#   write FILE    makes a file in the working directory
#   note FILE     adds a line to it that names the run
#   stay          says so, and waits for ever
#   linger        the same, but starts children first that are hard to find and to end
#   fail CODE     ends with this status
set -eu

# For whom has a session of its own and ignores what would end it.
stubborn='trap "" INT TERM HUP; while :; do sleep 1000; done'

while read -r verb rest || [ -n "$verb" ]; do
    case $verb in
        say) echo "$rest" ;;
        big) yes 0123456789abcdef | head -c "$rest" ;;
        grumble) echo "$rest" >&2 ;;
        write) echo "written by an agent" >"$rest" ;;
        note) echo "$POINTSMAN_RUN_ID" >>"$rest" ;;
        stay)
            echo "staying"
            exec sleep 1000
            ;;
        linger)
            setsid sh -c "$stubborn" >/dev/null 2>&1 </dev/null &
            (sleep 1000 >/dev/null 2>&1 </dev/null &)
            echo "staying"
            while :; do sleep 1000; done
            ;;
        fail) exit "$rest" ;;
        *) echo "what is $verb?" >&2; exit 64 ;;
    esac
done
