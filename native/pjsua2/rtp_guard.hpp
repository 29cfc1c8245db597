/*
 * The media transport of a call that speaks and listens by itself, on the sockets of pjmedia's UDP transport.
 */
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include <pjmedia/transport.h>

#include "call_audio.hpp"
#include "line.hpp"

namespace dialer {

/* A media transport in place of pjmedia's own, whose sockets it uses. It lives as long as that one's group lock. */
struct Guard : pjmedia_transport {
    pjmedia_transport *behind;
    pj_pool_t *pool;
    std::shared_ptr<CallSoundState> sound;
    std::shared_ptr<std::atomic<uint64_t>> strangers;
    int rtp;
    int rtcp;
    bool anywhere;
    /* What follows is under the group lock, and so is the stream while it is told: it may send RTCP then, for which it
     * takes that lock itself. */
    bool attached;                          // a stream is
    bool in_turn;                           // the clock gives it a turn
    bool bridged;                           // the bridge speaks and listens for it
    pjmedia_transport_attach_param stream;  // its callbacks and addresses
    Line line;
    unsigned elsewhere;                     // packets from there, since the last from where they are awaited
    bool heard;                             // from where they are awaited
    bool connected;                         // the socket is, to that address
    unsigned times;                         // that it was read
    unsigned times_seen;                    // by the clock
};

/* A guard's group lock, while this lives. */
class Held {
public:
    explicit Held(Guard *guard) : lock(guard->grp_lock) { pj_grp_lock_acquire(lock); }
    ~Held() { pj_grp_lock_release(lock); }
    Held(const Held &) = delete;
    Held &operator=(const Held &) = delete;

private:
    pj_grp_lock_t *lock;
};

/* The guard that this transport is, or null. */
Guard *guard_of(pjmedia_transport *transport);

/* One before `behind`; null when there is no memory. What it is to know besides is for the caller to fill in. */
Guard *make_guard(pjmedia_transport *behind, const pjmedia_transport_info &sockets);

/* Has the processor fetch what `turn` will need: of a thousand calls each is in no cache when its turn comes. First the
 * guard itself (`expect`), some turns later what it points to (`expect_parts`). */
void expect(const Guard *guard);
void expect_parts(const Guard *guard);

/* Says what is the call's own to say, and reads what has come. Once in each frame of the bridge's clock, in its thread.
 * False: no stream is attached any more. */
bool turn(Guard *guard);

}  // namespace dialer
