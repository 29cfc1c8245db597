#!/bin/bash
# Builds the pjsua2 wheel, or finds it in the cache. The last line on stdout is the wheel's absolute path.
# Progress goes to stderr. See README.md beside this file.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Settings meant for other builds (a calling make, the user's flags) must not leak into this one.
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS CXXFLAGS CPPFLAGS LDFLAGS PYTHONPATH PYTHONHOME
export LC_ALL=C
exec 3>&2
. "$here/say.sh"

usage="usage: native/pjsua2/build.sh --python PATH_TO_PYTHON"
[ $# -eq 2 ] && [ "$1" = --python ] || die "$usage"
python=$(command -v "$2") || die "no such Python: $2" "$usage"
[[ $python = /* ]] || python=$PWD/$python

# The key must not need the network: it names everything that shapes the wheel except the archive's version.
settings=$(cd "$here" && find . -type f ! -name '*.md' ! -path '*/__pycache__/*' | sort | xargs sha256sum \
    | sha256sum | cut -c1-8)
abi=$("$python" -I -c 'import sys, sysconfig; v = sys.version_info
assert v >= (3, 11), "Python 3.11 or newer is needed"
flags = "" if sysconfig.get_config_var("Py_GIL_DISABLED") in (None, 0) else "t"
print(f"cp{v[0]}{v[1]}{flags}")') || die "$python cannot be used" "Give a CPython 3.11 or newer."
system=$(. /etc/os-release && echo "${ID}${VERSION_ID:-}")
key=$abi-$(uname -m)-$system-$settings
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dialer/pjsua2

print_cached_wheel() {
    local wheel
    for wheel in "$cache/$key"/*.whl; do
        [ -f "$wheel" ] && echo "$wheel" && return 0
    done
    return 1
}

print_cached_wheel && exit 0

mkdir -p "$cache/logs"
exec 9>"$cache/lock"
if ! flock --nonblock 9; then
    say "another build is running, waiting for it"
    flock 9
    print_cached_wheel && exit 0
fi

bash "$here/check_tools.sh" "$python"

log=$cache/logs/$(date +%Y%m%dT%H%M%S)-$key.log
work=$(mktemp -d)
trap 'rm -rf "$work" "$cache/$key.new"' EXIT
cp -r "$here" "$work/recipe" # what is edited meanwhile belongs to the next build
started=$SECONDS

run() { # step script and its arguments
    bash "$work/recipe/$1" "${@:2}" >>"$log" 2>&1 9>&- || {
        tail -n 15 "$log" | sed 's/^/  | /' >&2
        die "$1 failed" "The full log: $log"
    }
}

say "building the wheel ($key), about two minutes on two cores; log: $log"
if [ -n "${PJPROJECT_TARBALL:-}" ]; then
    [ -f "$PJPROJECT_TARBALL" ] || die "PJPROJECT_TARBALL is not a file: $PJPROJECT_TARBALL"
    say "using $PJPROJECT_TARBALL, unverified"
    cp "$PJPROJECT_TARBALL" "$work/pjproject.tar"
else
    run fetch.sh "$work"
fi
run compile.sh "$work" "$python" "$settings"

rm -rf "${cache:?}/$key" "$cache/$key.new"
mkdir "$cache/$key.new"
cp "$work"/dist/*.whl "$cache/$key.new/"
mv -T "$cache/$key.new" "$cache/$key"
say "done in $((SECONDS - started)) s"
print_cached_wheel
