#!/bin/bash
# Names every missing tool and the Debian package that brings it. Argument: the Python to build for.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/say.sh"

python=$1
missing=()
packages=()

miss() { # what package
    missing+=("$1")
    packages+=("$2")
}

need() { command -v "$1" >/dev/null || miss "$1" "$2"; }

need_header() { echo "#include <$1>" | gcc -E "${@:3}" - >/dev/null 2>&1 || miss "$1" "$2"; }

need gcc gcc
need g++ g++
need make make
need pkg-config pkg-config
need xz xz-utils
if command -v swig >/dev/null; then
    version=$(swig -version | sed -n 's/^SWIG Version //p')
    [ "$(printf '%s\n' 4.1 "$version" | sort -V | head -n 1)" = 4.1 ] || miss "swig 4.1 or newer (found $version)" swig
else
    miss "swig 4.1 or newer" swig
fi
if command -v gcc >/dev/null; then
    need_header openssl/ssl.h libssl-dev
    need_header uuid/uuid.h uuid-dev
    need_header Python.h "$("$python" -I -c 'import sys; print("python%d.%d-dev" % sys.version_info[:2])')" \
        "-I$("$python" -I -c 'import sysconfig; print(sysconfig.get_path("include"))')"
fi
if [ -z "${PJPROJECT_TARBALL:-}" ]; then
    need apt-get apt
    ls /usr/share/keyrings/debian-archive-keyring.* >/dev/null 2>&1 \
        || miss "the Debian archive's signing keys" debian-archive-keyring
fi

[ ${#missing[@]} -eq 0 ] && exit 0
for i in "${!missing[@]}"; do
    say "missing: ${missing[i]} (Debian package: ${packages[i]})"
done
die "the pjsua2 wheel cannot be built without the above" "Install: ${packages[*]}. Without apt or its keys: give pjproject's source as PJPROJECT_TARBALL."
