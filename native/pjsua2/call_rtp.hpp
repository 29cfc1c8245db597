/*
 * A call's RTP: mouth, ear and guard, on the sockets of pjmedia's UDP transport and in its place.
 *
 * A call speaks and listens straight on the wire. Its sound is held encoded, for all calls once, and becomes packets in
 * the media clock's thread; what has come is read right after. No bridge, codec, jitter buffer, I/O queue or other
 * thread comes into it. Only while two calls talk to each other is pjmedia's conference bridge between them.
 *
 * The guard takes RTP from the address that the peer named in SDP, and from no other. pjmedia by itself "latches": a
 * packet from elsewhere moves the whole stream there when the peer has sent nothing yet, or when ten come between two of
 * the peer's. Whoever floods our ports could so press a callee's keys and be sent the message; and what a carrier still
 * sends for an earlier call, whose port we had, would count for the next one. Nor does sound go where many would get it:
 * an answer that names a multicast or broadcast address has no audio.
 */
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include <pjsua2.hpp>

#include "call_audio.hpp"

namespace dialer {

/* Of one call; sound in frames of 20 ms has 50. Each may be a key that waits in pjsua2's one queue, which drops the newest
 * of more than 1024, another call's opt-out among them. */
constexpr unsigned PACKETS_A_SECOND = 4000;

struct Guard;

/* Of one call. Deleting it in Python is safe while the call lives on. */
class CallRtp : public CallSound {
public:
    /* tap_ms: how much heard audio to keep, in milliseconds, while it listens. anywhere: latch as pjmedia does, for a peer
     * that sends from elsewhere than its SDP says, instead of dropping that. */
    explicit CallRtp(unsigned tap_ms = 0, bool anywhere = false);
    ~CallRtp() override;

    /* Takes the place of the transport of Call::onCreateMediaTransport. Owner thread only.
     * Raises pj.Error when there is no memory. */
    void stand_before(pj::OnCreateMediaTransportParam &created);

    /* Whether what is heard is kept. */
    void listen(bool listens);

    /* Has the bridge speak and listen for the call, until off_bridge(). Call::getAudioMedia() is its end then.
     * Raises pj.Error when the call has no audio. */
    void to_bridge(const pj::Call &call);
    void off_bridge(const pj::Call &call);

    /* RTP packets from other addresses, all dropped. Soon after the peer was heard the kernel drops them, uncounted. */
    uint64_t strangers() const { return dropped->load(std::memory_order_relaxed); }

private:
    void let_go();

    const bool anywhere;
    std::shared_ptr<std::atomic<uint64_t>> dropped = std::make_shared<std::atomic<uint64_t>>(0);
    Guard *guard = nullptr;
};

/* From now on nobody reads RTP but the turns of calls: ends pjmedia's own threads, one that would look a hundred times a
 * second for what never comes, and the one for events (RTCP feedback, video), of which nobody hears: its list of subscribers
 * would grow with the calls and be searched for each. For a process in which every call has a CallRtp. After
 * Endpoint::libInit(), owner thread. */
void end_media_threads();

/* A key that has come is told in the next libHandleEvents(); from now on it is added to this eventfd too, so that whoever
 * waits there knows. -1: to none, as at first. */
void ring_at(int descriptor);

}  // namespace dialer
