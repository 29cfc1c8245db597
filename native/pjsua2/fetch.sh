#!/bin/bash
# Fetches pjproject's source into $1/pjproject.tar: a component of Debian's source package `asterisk`, checked
# through apt's signatures. Uses a private apt configuration: no root needed, nothing on the machine changes.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/say.sh"

suite=forky
work=$1/apt
mkdir -p "$work/sources" "$work/lists/partial" "$work/cache/archives/partial" "$work/download"

keyring=$(ls /usr/share/keyrings/debian-archive-keyring.* | head -n 1)

# Where to ask, best first. No address is written down here; Debian's key decides what is believed.
mirrors() {
    if [ -n "${DIALER_DEBIAN_MIRROR:-}" ]; then
        echo "$DIALER_DEBIAN_MIRROR"
        return
    fi
    apt-get indextargets --format '$(REPO_URI)' 'Label: Debian'
    # The same without release information, as when `apt-get update` never ran.
    if grep -qx 'ID=debian' /etc/os-release; then
        apt-get indextargets --format '$(REPO_URI)' | grep -v security
    fi
    # On Ubuntu: python-apt-common knows Debian's address.
    sed -n 's/^BaseURI: //p' /usr/share/python-apt/templates/Debian.info 2>/dev/null | head -n 1
}

apt_private() {
    apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/sources" \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3 \
        -o Acquire::AllowInsecureRepositories=false -o APT::Get::AllowUnauthenticated=false \
        -o Acquire::Check-Valid-Until=false "$@" # a mirror may lag behind; signatures are still checked
}

fetch_from() { # mirror
    printf '%s\n' 'Types: deb-src' "URIs: $1" "Suites: $suite" 'Components: main' "Signed-By: $keyring" \
        >"$work/sources/debian.sources"
    apt_private update --error-on=any &&
        (cd "$work/download" && apt_private source --download-only asterisk)
}

say "fetching the source"
found=
while read -r mirror; do
    if fetch_from "$mirror"; then
        found=yes
        break
    fi
    say "nothing usable at $mirror"
done < <(mirrors | awk 'NF && !seen[$0]++')
[ -n "$found" ] || die "no Debian mirror gave the source package asterisk ($suite)" \
    "Set DIALER_DEBIAN_MIRROR to a Debian mirror's address (with debian-archive-keyring installed), or PJPROJECT_TARBALL to a pjproject source tarball."

set -- "$work"/download/asterisk_*.orig-Xpjproject.tar.*
[ -f "$1" ] || die "Debian's asterisk source carries no pjproject component any more" \
    "Set PJPROJECT_TARBALL to a pjproject source tarball."
sha256sum "$1"
mv "$1" "$work/../pjproject.tar"
