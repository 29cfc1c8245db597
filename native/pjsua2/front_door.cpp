#include "front_door.hpp"

#include <array>
#include <functional>
#include <string_view>

#include <pjsip.h>
#include <pjsua-lib/pjsua.h>

/* The PJSUA2_ error macros expect these names. */
#define THIS_FILE "front_door.cpp"
using pj::Error;
using std::string;

namespace dialer {

namespace {

/* How often each Call-ID was seen in this second; two that share a place share its count, which harms neither. */
struct Rates {
    std::array<unsigned, 4096> counts{};
    long second = 0;

    bool too_many(const pj_str_t &call_id)
    {
        pj_time_val now;
        pj_gettickcount(&now);
        if (now.sec != second) {
            second = now.sec;
            counts.fill(0);
        }
        const std::string_view id(call_id.ptr, static_cast<size_t>(call_id.slen));
        return ++counts[std::hash<std::string_view>()(id) % counts.size()] > REQUESTS_A_SECOND;
    }
};

Rates rates;

/* Whatever becomes of the answer, nobody else is to see the request. */
pj_bool_t answer(pjsip_rx_data *rdata, int code)
{
    if (rdata->msg_info.msg->line.req.method.id != PJSIP_ACK_METHOD)  // that has none
        pjsip_endpt_respond_stateless(pjsua_get_pjsip_endpt(), rdata, code, nullptr, nullptr, nullptr);
    return PJ_TRUE;
}

pj_bool_t on_request(pjsip_rx_data *rdata)
{
    if (rates.too_many(rdata->msg_info.cid->id))
        return PJ_TRUE;
    const pjsip_method &method = rdata->msg_info.msg->line.req.method;
    rdata->msg_info.via->maddr_param.slen = 0;
    if (pjsip_method_cmp(&method, &rdata->msg_info.cseq->method) != 0)
        return answer(rdata, 400);  // RFC 3261 section 8.1.1.5
    if (rdata->msg_info.to->tag.slen != 0)
        return PJ_FALSE;
    switch (method.id) {
    case PJSIP_OPTIONS_METHOD:
    case PJSIP_CANCEL_METHOD:
        return PJ_FALSE;
    case PJSIP_INVITE_METHOD:
        return answer(rdata, 480);
    default:
        return answer(rdata, 405);
    }
}

pjsip_module module;

}  // namespace

void close_front_door()
{
    module = pjsip_module();
    module.name = pj_str(const_cast<char *>("mod-dialer-front-door"));
    module.id = -1;
    module.priority = PJSIP_MOD_PRIORITY_TSX_LAYER - 1;
    module.on_rx_request = &on_request;
    PJSUA2_CHECK_EXPR( pjsip_endpt_register_module(pjsua_get_pjsip_endpt(), &module) );
}

}  // namespace dialer
