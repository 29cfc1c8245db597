# Sourced. Progress and errors go to file descriptor 3, the caller's stderr; a step's own output goes to the log.
say() { echo "pjsua2: $*" >&3; }

die() { # message [hint]
    say "error: $1"
    [ $# -lt 2 ] || say "  $2"
    exit 1
}
