#include "call_rtp.hpp"

#include <pjmedia/event.h>
#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

#include "call_control.hpp"
#include "rtp_guard.hpp"
#include "turns.hpp"

/* The PJSUA2_ error macros expect these names. */
#define THIS_FILE "call_rtp.cpp"
using pj::Error;
using std::string;

namespace dialer {

namespace {

decltype(pjsua_callback::on_stream_created2) pjsua2_on_stream_created = nullptr;

/* A stream that speaks and listens by itself stays off the bridge: see compile.sh. */
void on_stream_created(pjsua_call_id call, pjsua_on_stream_created_param *created)
{
    if (pjsua2_on_stream_created)
        pjsua2_on_stream_created(call, created);
    Guard *guard = guard_of(pjsua_var.calls[call].media[created->stream_idx].tp);
    if (!guard)
        return;
    const Held held(guard);
    guard->line = Line(created->stream);
    if (guard->line && !guard->bridged)
        created->port = nullptr;
}

/* The call's audio, or null. */
pjsua_call_media *audio_of(const pj::Call &call)
{
    const int index = audio_index(call);
    return index < 0 ? nullptr : &pjsua_var.calls[call.getId()].media[index];
}

}  // namespace

CallRtp::CallRtp(unsigned tap_ms, bool anywhere) : CallSound(tap_ms), anywhere(anywhere) {}

CallRtp::~CallRtp() { let_go(); }

void CallRtp::let_go()
{
    /* After Endpoint.libDestroy() it is gone already. */
    if (guard && pjsua_get_state() != PJSUA_STATE_NULL)
        pj_grp_lock_dec_ref(guard->grp_lock);
    guard = nullptr;
}

void CallRtp::stand_before(pj::OnCreateMediaTransportParam &created)
{
    begin_turns();
    if (pjsua_var.ua_cfg.cb.on_stream_created2 != &on_stream_created) {
        pjsua2_on_stream_created = pjsua_var.ua_cfg.cb.on_stream_created2;
        pjsua_var.ua_cfg.cb.on_stream_created2 = &on_stream_created;
    }
    pjmedia_transport *behind = static_cast<pjmedia_transport *>(created.mediaTp);
    pjmedia_transport_info sockets;
    pjmedia_transport_info_init(&sockets);
    PJSUA2_CHECK_EXPR( pjmedia_transport_get_info(behind, &sockets) );
    Guard *made = make_guard(behind, sockets);
    if (!made)
        PJSUA2_RAISE_ERROR(PJ_ENOMEM);
    made->sound = state;
    made->strangers = dropped;
    made->anywhere = anywhere;
    let_go();
    guard = made;
    pj_grp_lock_add_ref(guard->grp_lock);
    created.mediaTp = static_cast<pjmedia_transport *>(guard);
}

void CallRtp::listen(bool listens)
{
    state->drain(SIZE_MAX);  // what is left of an earlier time
    state->listens.store(listens, std::memory_order_relaxed);
}

void CallRtp::to_bridge(const pj::Call &call)
{
    pjsua_call_media *audio = audio_of(call);
    if (!audio || !guard)
        PJSUA2_RAISE_ERROR2(PJ_EINVALIDOP, "to_bridge()");
    {
        const Held held(guard);
        guard->bridged = true;
    }
    if (audio->strm.a.conf_slot != PJSUA_INVALID_ID)
        return;
    pjmedia_port *port = nullptr;
    PJSUA2_CHECK_EXPR( pjmedia_stream_get_port(audio->strm.a.stream, &port) );
    PJSUA2_CHECK_EXPR( pjsua_conf_add_port(audio->call->inv->pool, port, &audio->strm.a.conf_slot) );
    audio->strm.a.media_port = port;
}

void CallRtp::off_bridge(const pj::Call &call)
{
    pjsua_call_media *audio = audio_of(call);
    if (!guard || !guard->bridged)
        return;
    if (audio && audio->strm.a.conf_slot != PJSUA_INVALID_ID) {
        pjsua_conf_remove_port(audio->strm.a.conf_slot);
        audio->strm.a.conf_slot = PJSUA_INVALID_ID;
        audio->strm.a.media_port = nullptr;
    }
    const Held held(guard);
    guard->bridged = false;
}

void end_media_threads()
{
    pjmedia_endpt_stop_threads(pjsua_get_pjmedia_endpt());
    pjmedia_event_mgr_destroy(nullptr);
}

}  // namespace dialer
