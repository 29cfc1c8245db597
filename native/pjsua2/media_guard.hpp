/*
 * A call's RTP from the address that its peer named in SDP, and from no other.
 *
 * pjmedia by itself "latches": a packet from elsewhere moves the whole stream there when the peer has sent nothing yet,
 * or when ten come between two of the peer's. Whoever floods our ports could so press a callee's keys and be sent the
 * message; and what a carrier still sends for an earlier call, whose port we had, would count for the next one.
 * Nor does sound go where many would get it: an answer that names a multicast or broadcast address has no audio.
 *
 * The guard also does pjmedia's UDP transport's work, on that one's sockets, for less: a call's packets are read by the
 * thread that sends its own, right after each, and no I/O queue knows of them.
 */
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include <pjsua2.hpp>

namespace dialer {

/* Of one call; sound in frames of 20 ms has 50. Each may be a key that waits in pjsua2's one queue, which drops the newest
 * of more than 1024, another call's opt-out among them. */
constexpr unsigned PACKETS_A_SECOND = 4000;

/* Guards one call. Deleting it in Python is safe while the call lives on. */
class MediaGuard {
public:
    /* Puts a guard before the transport of Call::onCreateMediaTransport. Owner thread only.
     * Raises pj.Error when there is no memory. */
    void stand_before(pj::OnCreateMediaTransportParam &created);

    /* RTP packets from other addresses, all dropped. */
    uint64_t strangers() const { return count->load(std::memory_order_relaxed); }

private:
    using Count = std::atomic<uint64_t>;
    std::shared_ptr<Count> count = std::make_shared<Count>(0);
};

}  // namespace dialer
