#include "call_control.hpp"

#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

/* The PJSUA2_ error macros expect these names. */
#define THIS_FILE "call_control.cpp"
using pj::Error;
using std::string;

namespace dialer {

bool cancel_call(int call_id)
{
    pjsua_call *call = nullptr;
    pjsip_dialog *dialog = nullptr;
    PJSUA2_CHECK_EXPR( acquire_call("cancel_call()", call_id, &call, &dialog) );

    pj_status_t status = PJ_SUCCESS;
    bool answered = true;
    pjsip_inv_session *inv = call->inv;
    if (!inv || inv->role != PJSIP_ROLE_UAC) {
        status = PJ_EINVALIDOP;
    } else if (inv->state < PJSIP_INV_STATE_CONNECTING && !inv->cancelling) {
        answered = inv->invite_tsx && inv->invite_tsx->status_code >= 100;
        if (answered) {
            pjsip_tx_data *cancel = nullptr;
            status = pjsip_inv_end_session(inv, PJSIP_SC_REQUEST_TERMINATED, nullptr, &cancel);
            if (status == PJ_SUCCESS && cancel)
                status = pjsip_inv_send_msg(inv, cancel);
        }
    }
    pjsip_dlg_dec_lock(dialog);
    if (status != PJ_SUCCESS)
        PJSUA2_RAISE_ERROR2(status, "cancel_call()");
    return answered;
}

int call_state(const pj::Call &call)
{
    pjsua_call_info info;
    PJSUA2_CHECK_EXPR( pjsua_call_get_info(call.getId(), &info) );
    return info.state;
}

int audio_index(const pj::Call &call)
{
    const int id = call.getId();
    if (id < 0 || id >= static_cast<int>(pjsua_var.ua_cfg.max_calls))
        return -1;
    for (unsigned i = 0; i < pjsua_var.calls[id].med_cnt; ++i) {
        const pjsua_call_media &media = pjsua_var.calls[id].media[i];
        if (media.type == PJMEDIA_TYPE_AUDIO && media.strm.a.stream)
            return static_cast<int>(i);
    }
    return -1;
}

string audio_codec(const pj::Call &call)
{
    const int index = audio_index(call);
    pjsua_stream_info info;
    if (index < 0 || pjsua_call_get_stream_info(call.getId(), static_cast<unsigned>(index), &info) != PJ_SUCCESS)
        return "";
    const pj_str_t name = info.info.aud.fmt.encoding_name;
    return string(name.ptr, static_cast<size_t>(name.slen));
}

}  // namespace dialer
