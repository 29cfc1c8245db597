/*
 * Every call's turn in each frame of the bridge's clock.
 */
#pragma once

#include "rtp_guard.hpp"

namespace dialer {

/* Has the bridge's clock give turns, if it does not yet. Owner thread. Raises pj.Error. */
void begin_turns();

/* To this one too, until it has no stream. */
void give_turns(Guard *guard);

}  // namespace dialer
