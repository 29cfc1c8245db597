#include "line.hpp"

#include <algorithm>
#include <cstring>

#include <pjmedia/alaw_ulaw.h>

namespace dialer {

namespace {

constexpr int LATE_MOST = 3 * FRAME_SAMPLES;  // samples that packets may be late, or early, by

}  // namespace

Line::Line(pjmedia_stream *on)
{
    pjmedia_stream_info info;
    pjmedia_stream_rtp_sess_info sessions;
    if (pjmedia_stream_get_info(on, &info) != PJ_SUCCESS ||
        pjmedia_stream_get_rtp_session_info(on, &sessions) != PJ_SUCCESS)
        return;
    const bool mu = pj_stricmp2(&info.fmt.encoding_name, "PCMU") == 0;
    const bool a = pj_stricmp2(&info.fmt.encoding_name, "PCMA") == 0;
    if (!mu && !a)
        return;
    stream = on;
    /* Nobody else changes them while the stream is off the bridge. */
    sent = const_cast<pjmedia_rtp_session *>(sessions.tx_rtp);
    received = const_cast<pjmedia_rtp_session *>(sessions.rx_rtp);
    counted = const_cast<pjmedia_rtcp_session *>(sessions.rtcp);
    law = mu ? Law::MU : Law::A;
    direction = info.dir;
    type_sent = info.tx_pt;
    type_taken = info.rx_pt;
}

/* False: the peer wants no sound now. */
bool Line::next(CallSoundState &sound, Packet &packet)
{
    const bool sends = direction & PJMEDIA_DIR_ENCODING;
    const void *header = nullptr;
    int size = 0;
    pjmedia_rtp_encode_rtp(sent, int(type_sent), begun ? 0 : 1, sends ? FRAME_SAMPLES : 0, FRAME_SAMPLES, &header, &size);
    if (!sends)
        return false;
    begun = true;
    std::memcpy(&packet.header, header, sizeof(packet.header));
    next_sound = sound.fill(law, packet.sound, FRAME_SAMPLES);
    return true;
}

void Line::count()
{
    pjmedia_rtcp_tx_rtp(counted, FRAME_SAMPLES);
    counted->stat.rtp_tx_last_ts = pj_ntohl(sent->out_hdr.ts);
    counted->stat.rtp_tx_last_seq = pj_ntohs(sent->out_hdr.seq);
}

bool Line::take(CallSoundState &sound, const uint8_t *packet, size_t size)
{
    const pjmedia_rtp_hdr *header = nullptr;
    const void *payload = nullptr;
    unsigned length = 0;
    if (size < sizeof(pjmedia_rtp_hdr) || (packet[1] & 0x7F) != type_taken)
        return false;
    if (pjmedia_rtp_decode_rtp(received, packet, int(size), &header, &payload, &length) != PJ_SUCCESS) {
        counted->stat.rx.discard++;
        return true;
    }
    if (!(direction & PJMEDIA_DIR_DECODING))
        return true;
    pjmedia_rtp_status was;
    pj_bzero(&was, sizeof(was));
    pjmedia_rtp_session_update2(received, header, &was, PJ_FALSE);
    const bool discarded = was.status.flag.bad || length == 0;
    if (counted->peer_ssrc == 0 || was.status.flag.badssrc)
        counted->peer_ssrc = received->peer_ssrc;
    pjmedia_rtcp_rx_rtp2(counted, pj_ntohs(header->seq), pj_ntohl(header->ts), length, discarded);
    /* What comes after its successor is too late: the ear has gone on. */
    if (!discarded && !was.status.flag.outorder && !was.status.flag.dup)
        hear(sound, static_cast<const uint8_t *>(payload), length);
    return true;
}

void Line::hear(CallSoundState &sound, const uint8_t *payload, unsigned size)
{
    if (!sound.listens.load(std::memory_order_relaxed))
        return;
    int16_t samples[PJMEDIA_MAX_MRU];
    const unsigned count = std::min(size, unsigned(PJMEDIA_MAX_MRU));
    for (unsigned i = 0; i < count; ++i)
        samples[i] = int16_t(law == Law::MU ? pjmedia_ulaw2linear(payload[i]) : pjmedia_alaw2linear(payload[i]));
    sound.hear(samples, count);
    owed = std::max(owed - int(count), -LATE_MOST);
}

/* The ear measures how long somebody speaks and is silent. A packet that was lost, or that a peer with nothing to say never
 * sent, was silence. */
void Line::keep_time(CallSoundState &sound)
{
    if (!sound.listens.load(std::memory_order_relaxed)) {
        owed = 0;
        return;
    }
    owed += FRAME_SAMPLES;
    if (owed > LATE_MOST) {
        constexpr int16_t silence[FRAME_SAMPLES] = {};
        sound.hear(silence, FRAME_SAMPLES);
        owed -= FRAME_SAMPLES;
    }
}

}  // namespace dialer
