/*
 * Requests that belong to no call of ours, turned away before pjsip keeps anything for them.
 *
 * pjsua would set a call up for each INVITE and remember its transaction for 32 seconds, take each SUBSCRIBE for a
 * watcher and send it NOTIFY, and so on: whoever can reach the port could fill memory, or the places for our own calls.
 */
#pragma once

#include <pjsua2.hpp>

namespace dialer {

/* Of one Call-ID. No telephone comes near it; pjsip keeps some 15 kB of each request for 32 seconds. */
constexpr unsigned REQUESTS_A_SECOND = 50;

/* From now on every request outside a dialog is answered without keeping state (RFC 3261 section 8.2.7): an INVITE with
 * 480, for nobody is here to talk to; others with 405. OPTIONS and CANCEL go on to pjsip.
 * Every response goes back to where its request came from. The Via parameter maddr (RFC 3261 section 18.2.2), which would
 * send it to anybody, and have a name looked up while all calls wait, is not looked at: it is for multicast.
 * What a call sends above REQUESTS_A_SECOND is dropped; over UDP its sender sends it again.
 * After Endpoint::libInit(), owner thread only. Raises pj.Error. */
void close_front_door();

}  // namespace dialer
