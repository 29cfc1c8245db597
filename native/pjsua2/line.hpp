/*
 * The RTP of one stream that plays and listens by itself: packets made of sound that is held encoded, and sound taken out
 * of packets. pjmedia's bridge, codec and jitter buffer do not come into it; its stream's sessions count what passes, so
 * that RTCP, the stream's figures and a bridge that takes over go on from there (RFC 3550, RFC 3551).
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include <pjmedia/rtcp.h>
#include <pjmedia/rtp.h>
#include <pjmedia/stream.h>

#include "call_audio.hpp"

namespace dialer {

constexpr unsigned FRAME_SAMPLES = SAMPLE_RATE / 50;  // of a packet, and of a turn of the clock

class Line {
public:
    /* No stream: nothing is sent or heard. */
    Line() = default;

    /* On this stream, if it is G.711. */
    explicit Line(pjmedia_stream *on);

    explicit operator bool() const { return stream != nullptr; }

    /* A turn of the clock, 20 ms: hands `send(packet, size)` the next packet, and reports to the peer now and then. */
    template <typename Send>
    void turn(CallSoundState &sound, Send send)
    {
        Packet packet;
        if (next(sound, packet) && send(&packet, sizeof(packet)) == PJ_SUCCESS)
            count();
        keep_time(sound);
        if (++turns % TURNS_A_REPORT == 0)
            pjmedia_stream_send_rtcp_sdes(stream);
    }

    /* Hands `fetch(from, size)` the memory that the next turn needs. */
    template <typename Fetch>
    void expect(Fetch fetch) const
    {
        if (!stream)
            return;
        fetch(sent, sizeof(*sent));
        fetch(received, sizeof(*received));
        fetch(&counted->seq_ctrl, offsetof(pjmedia_rtcp_session, stat.rtt) - offsetof(pjmedia_rtcp_session, seq_ctrl));
        if (next_sound)
            fetch(next_sound, FRAME_SAMPLES);
    }

    /* A packet of the peer. False: it holds no sound, and is the stream's. */
    bool take(CallSoundState &sound, const uint8_t *packet, size_t size);

private:
    static constexpr unsigned TURNS_A_REPORT = 250;

    struct Packet {
        pjmedia_rtp_hdr header;
        uint8_t sound[FRAME_SAMPLES];
    };

    bool next(CallSoundState &sound, Packet &packet);
    void count();
    void hear(CallSoundState &sound, const uint8_t *payload, unsigned size);
    void keep_time(CallSoundState &sound);

    pjmedia_stream *stream = nullptr;
    pjmedia_rtp_session *sent = nullptr;
    pjmedia_rtp_session *received = nullptr;
    pjmedia_rtcp_session *counted = nullptr;
    const void *next_sound = nullptr;  // as far as is known now
    Law law = Law::MU;
    pjmedia_dir direction = PJMEDIA_DIR_NONE;
    unsigned type_sent = 0;
    unsigned type_taken = 0;
    unsigned turns = 0;
    int owed = 0;  // samples that the ear should have had by now
    bool begun = false;
};

}  // namespace dialer
