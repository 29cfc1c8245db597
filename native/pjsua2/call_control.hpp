/*
 * What pjsua2's Call cannot do: take an INVITE back and still hear how it ended, and say one thing of itself without
 * copying all others (Call::getInfo() makes some twenty strings and a list of media).
 *
 * Call::hangup() reports the call as disconnected at once and then keeps silent, so that a 200 that crosses the
 * CANCEL (RFC 3261 section 9.1), or the 487 that confirms it, never reaches the application.
 */
#pragma once

#include <pjsua2.hpp>

namespace dialer {

/* Sends CANCEL for an outgoing call that has a provisional response; the call's callbacks go on as usual. Does nothing
 * when a final response has come already. False: nothing has answered the INVITE as it was sent last (a 401 or 422 has it
 * sent anew, in a transaction of its own), so that there is nobody to CANCEL (RFC 3261 section 9.1), and nothing was done.
 * Owner thread only. Raises pj.Error when there is no such call or the CANCEL cannot be sent. */
bool cancel_call(int call_id);

/* The state of the call's session, PJSIP_INV_STATE_*. In the callback that reports DISCONNECTED too. Raises pj.Error when
 * there is no such call. */
int call_state(const pj::Call &call);

/* The index of the call's audio among its media, for Call::getAudioMedia; -1 while there is none, or no such call. */
int audio_index(const pj::Call &call);

/* The name of the codec agreed on for the call's audio; empty while there is none. */
std::string audio_codec(const pj::Call &call);

}  // namespace dialer
