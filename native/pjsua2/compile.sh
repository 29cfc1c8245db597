#!/bin/bash
# Compiles $1/pjproject.tar and the dialer's additions into a wheel in $1/dist.
# Arguments: work directory, Python, hash of the build settings.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/say.sh"

work=$1
python=$2
settings=$3
source=$work/source
flags="-O2 -fPIC -g0 -DNDEBUG"

mkdir "$source" "$work/wrap" "$work/dist"
tar --extract --file "$work/pjproject.tar" --directory "$source" --strip-components=1
[ -f "$source/version.mak" ] || die "the tarball holds no pjproject source"
cd "$source"
version=$(printf 'include version.mak\nall:\n\t@echo $(PJ_VERSION)\n' | make -s -f - all)
tested=$(cat "$here/VERSION")
say "pjproject $version"
[ "$version" = "$tested" ] || say "note: the dialer was tested with pjproject $tested"

cp "$here/config_site.h" pjlib/include/pj/config_site.h
# Debian strips this file, and the makefile still names it; it is empty without the BDSound hardware library.
[ -f pjmedia/src/pjmedia-audiodev/bdimad_dev.c ] || : >pjmedia/src/pjmedia-audiodev/bdimad_dev.c

# A callee's first RTP may wait in the socket when the transport starts. A media thread that reads it before the owner
# thread has set `started` stops reading for good: nothing of that call is ever heard (1 in some 4,000). Set it first.
udp=pjmedia/src/pjmedia/transport_udp.c
if ! grep -q 'dialer: started before' $udp; then
    sed -i -e 's|^    /\* Kick off pending RTP read from the ioqueue \*/|    udp->started = PJ_TRUE; /* dialer: started before the first read */\n&|' \
        -e '/media_start(): recvfrom RTC\{0,1\}P failed/,/return status;/s|^        return status;|        udp->started = PJ_FALSE;\n&|' $udp
fi
[ "$(grep -c 'dialer: started before' $udp)" = 1 ] || die "pjmedia's UDP transport has changed" \
    "Look whether transport_media_start still reads before it is started; then mend or drop this edit in compile.sh."

# A call that speaks and listens by itself (call_rtp.hpp) keeps its stream off the bridge: on_stream_created2 leaves no port.
aud=pjsip/src/pjsua-lib/pjsua_aud.c
if ! grep -q 'dialer: stays off' $aud; then
    sed -i '/^pj_status_t pjsua_aud_channel_update/,/^}/s|^            status = pjmedia_conf_add_port(pjsua_var.mconf,|            if (call_med->strm.a.media_port) /* dialer: stays off the bridge without one */\n&|' $aud
fi
[ "$(grep -c 'dialer: stays off' $aud)" = 1 ] || die "pjsua's audio has changed" \
    "Look how pjsua_aud_channel_update puts a stream on the bridge; then mend this edit in compile.sh."

say "configuring"
./aconfigure CFLAGS="$flags" CXXFLAGS="$flags" --enable-epoll \
    --disable-video --disable-sound --disable-v4l2 --disable-sdl --disable-ffmpeg --disable-openh264 --disable-vpx \
    --disable-libyuv --disable-libwebrtc --disable-libsrtp --disable-upnp --disable-resample --disable-speex-aec \
    --disable-ilbc-codec --disable-g7221-codec --disable-g722-codec --disable-l16-codec --disable-gsm-codec \
    --disable-speex-codec --disable-silk --disable-opus --disable-opencore-amr --disable-bcg729 --disable-lyra

# pjproject's own answer to "which flags does a program using you need".
answer() { make -s --no-print-directory -C pjsip-apps/src/swig/python -f helper.mak "$1"; }
mapfile -t cflags < <(answer cflags)
include=$("$python" -I -c 'import sysconfig; print(sysconfig.get_path("include"))')
cxx=(g++ -std=c++17 -fvisibility=hidden "${cflags[@]}" "-I$here" "-I$include")

say "compiling"
wrap() {
    swig -python -c++ -threads -w312 "-I$here" -Ipjsip-apps/src/swig -Ipjlib/include -Ipjlib-util/include \
        -Ipjnath/include -Ipjmedia/include -Ipjsip/include \
        -outdir "$work/wrap" -o "$work/wrap/wrap.cpp" "$here/dialer_pjsua2.i"
    "${cxx[@]}" -c "$work/wrap/wrap.cpp" -o "$work/wrap/wrap.o"
    for addition in call_audio call_control call_rtp front_door line rtp_guard turns; do
        "${cxx[@]}" -Wall -Wextra -c "$here/$addition.cpp" -o "$work/wrap/$addition.o"
    done
}
# SWIG's one large file takes as long as all of pjproject: beside it, not after it.
(wrap) &
wrapping=$!
trap 'kill "$wrapping" 2>/dev/null || true' EXIT
for part in pjlib pjlib-util pjnath third_party pjmedia pjsip; do
    mkdir -p "$part/lib"
    make -C "$part/build" -j "$(nproc)" lib
done
wait "$wrapping"

say "linking and packing"
mapfile -t ldflags < <(answer ldflags)
mapfile -t libs < <(answer libs)
suffix=$("$python" -I -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
g++ -shared -s -o "$work/wrap/_pjsua2$suffix" "$work/wrap/"*.o \
    "${ldflags[@]}" "${libs[@]/#/-l}" -Wl,--gc-sections -Wl,--exclude-libs,ALL
"$python" -I "$here/pack_wheel.py" --version "$version+dialer.b$settings" --license "$source/COPYING" \
    --into "$work/dist" "$work/wrap/pjsua2.py" "$work/wrap/_pjsua2$suffix"
