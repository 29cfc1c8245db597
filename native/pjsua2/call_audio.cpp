#include "call_audio.hpp"

#include <algorithm>
#include <cstring>

#include <pjmedia/alaw_ulaw.h>

/* The PJSUA2_ error macros expect these names. */
#define THIS_FILE "call_audio.cpp"
using pj::Error;
using std::string;

namespace dialer {

PcmBuffer::PcmBuffer(const char *data, size_t size)
{
    auto made = std::make_shared<Sound>();
    made->pcm.resize(size / sizeof(int16_t));
    std::memcpy(made->pcm.data(), data, made->pcm.size() * sizeof(int16_t));
    made->mu.reserve(made->pcm.size());
    made->a.reserve(made->pcm.size());
    for (const int16_t sample : made->pcm) {
        made->mu.push_back(pjmedia_linear2ulaw(sample));
        made->a.push_back(pjmedia_linear2alaw(sample));
    }
    sound = std::move(made);
}

template <typename Sample>
const void *CallSoundState::fill(const std::vector<Sample> Sound::*form, Sample silence, Sample *out, size_t count)
{
    size_t filled = 0;
    const Sample *next = nullptr;
    {
        std::lock_guard<std::mutex> guard(lock);
        if (playing && !finished.load(std::memory_order_relaxed)) {
            const std::vector<Sample> &source = (*playing).*form;
            uint64_t at = position.load(std::memory_order_relaxed);
            while (filled < count && !source.empty()) {
                const size_t offset = loop ? at % source.size() : at;
                if (offset >= source.size())
                    break;
                const size_t n = std::min(count - filled, source.size() - offset);
                std::memcpy(out + filled, source.data() + offset, n * sizeof(Sample));
                filled += n;
                at += n;
                next = source.data() + offset + n;
            }
            position.store(at, std::memory_order_relaxed);
            if (!loop && at >= source.size())
                finished.store(true, std::memory_order_release);
        }
    }
    std::fill(out + filled, out + count, silence);
    return next;
}

const void *CallSoundState::fill(int16_t *out, size_t count) { return fill(&Sound::pcm, int16_t(0), out, count); }

const void *CallSoundState::fill(Law law, uint8_t *out, size_t count)
{
    return law == Law::MU ? fill(&Sound::mu, uint8_t(pjmedia_linear2ulaw(0)), out, count)
                          : fill(&Sound::a, uint8_t(pjmedia_linear2alaw(0)), out, count);
}

void CallSoundState::hear(const int16_t *in, size_t count)
{
    if (ring.empty())
        return;
    const uint64_t end = written.load(std::memory_order_relaxed);
    const size_t room = ring.size() - static_cast<size_t>(end - taken.load(std::memory_order_acquire));
    const size_t kept = std::min(count, room);
    const size_t offset = end % ring.size();
    const size_t first = std::min(kept, ring.size() - offset);
    std::memcpy(ring.data() + offset, in, first * sizeof(int16_t));
    std::memcpy(ring.data(), in + first, (kept - first) * sizeof(int16_t));
    written.store(end + kept, std::memory_order_release);
    if (kept < count)
        overruns.fetch_add(count - kept, std::memory_order_relaxed);
}

std::string CallSoundState::drain(size_t max_samples)
{
    const uint64_t start = taken.load(std::memory_order_relaxed);
    const size_t ready = static_cast<size_t>(written.load(std::memory_order_acquire) - start);
    const size_t count = std::min(ready, max_samples);
    std::string out(count * sizeof(int16_t), '\0');
    if (count == 0)
        return out;
    const size_t offset = start % ring.size();
    const size_t first = std::min(count, ring.size() - offset);
    std::memcpy(&out[0], ring.data() + offset, first * sizeof(int16_t));
    std::memcpy(&out[0] + first * sizeof(int16_t), ring.data(), (count - first) * sizeof(int16_t));
    taken.store(start + count, std::memory_order_release);
    return out;
}

namespace {

/* What the media port owns: freed by pjmedia when its last user, often the bridge, has let go. */
struct PortData {
    std::shared_ptr<CallSoundState> state;
    pj_pool_t *pool;
};

PortData *data_of(pjmedia_port *port)
{
    return static_cast<PortData *>(port->port_data.pdata);
}

pj_status_t get_frame(pjmedia_port *port, pjmedia_frame *frame)
{
    data_of(port)->state->fill(static_cast<int16_t *>(frame->buf), frame->size / sizeof(int16_t));
    frame->type = PJMEDIA_FRAME_TYPE_AUDIO;
    return PJ_SUCCESS;
}

pj_status_t put_frame(pjmedia_port *port, pjmedia_frame *frame)
{
    if (frame->type == PJMEDIA_FRAME_TYPE_AUDIO)
        data_of(port)->state->hear(static_cast<const int16_t *>(frame->buf), frame->size / sizeof(int16_t));
    return PJ_SUCCESS;
}

pj_status_t on_destroy(pjmedia_port *port)
{
    PortData *data = data_of(port);
    pj_pool_t *pool = data->pool;
    delete data;
    pj_pool_release(pool);
    return PJ_SUCCESS;
}

}  // namespace

CallAudio::CallAudio(unsigned tap_ms) : CallSound(tap_ms)
{
    pjsua_conf_port_info bridge;
    PJSUA2_CHECK_EXPR( pjsua_conf_get_port_info(0, &bridge) );
    if (bridge.clock_rate != SAMPLE_RATE || bridge.channel_count != 1)
        PJSUA2_RAISE_ERROR3(PJMEDIA_ENCCLOCKRATE, "CallAudio", "the conference bridge must run at 8000 Hz mono");

    pj_pool_t *pool = pjsua_pool_create("callaudio%p", 1000, 1000);
    if (!pool)
        PJSUA2_RAISE_ERROR(PJ_ENOMEM);

    port = PJ_POOL_ZALLOC_T(pool, pjmedia_port);
    const pj_str_t name = pj_str(const_cast<char *>("call-audio"));
    pjmedia_port_info_init(&port->info, &name, PJMEDIA_SIG_CLASS_APP('D', 'C', 'A'), SAMPLE_RATE, 1, 16,
                           bridge.samples_per_frame);
    port->port_data.pdata = new PortData{state, pool};
    port->get_frame = &get_frame;
    port->put_frame = &put_frame;
    port->on_destroy = &on_destroy;

    pj_status_t status = pjmedia_port_init_grp_lock(port, pool, nullptr);
    if (status != PJ_SUCCESS) {
        on_destroy(port);
        PJSUA2_RAISE_ERROR(status);
    }
    status = pjsua_conf_add_port(pool, port, &id);
    if (status != PJ_SUCCESS) {
        pjmedia_port_destroy(port);
        PJSUA2_RAISE_ERROR(status);
    }
}

CallAudio::~CallAudio()
{
    /* After Endpoint.libDestroy() bridge, port and pool are gone already. */
    if (pjsua_get_state() == PJSUA_STATE_NULL)
        return;
    pjsua_conf_remove_port(id);
    pjmedia_port_destroy(port);
}

CallSound::CallSound(unsigned tap_ms)
    : state(std::make_shared<CallSoundState>(static_cast<size_t>(tap_ms) * SAMPLE_RATE / 1000))
{
}

void CallSound::play(const PcmBuffer &buffer, bool loop)
{
    std::shared_ptr<const Sound> next = buffer.sound;
    std::lock_guard<std::mutex> guard(state->lock);
    state->playing.swap(next);
    state->loop = loop;
    state->position.store(0, std::memory_order_relaxed);
    state->finished.store(false, std::memory_order_release);
}

void CallSound::stop()
{
    std::shared_ptr<const Sound> dropped;
    std::lock_guard<std::mutex> guard(state->lock);
    if (!state->finished.load(std::memory_order_relaxed))
        state->playing.swap(dropped);
}

unsigned CallSound::position_ms() const
{
    return static_cast<unsigned>(state->position.load(std::memory_order_relaxed) * 1000 / SAMPLE_RATE);
}

bool CallSound::finished() const { return state->finished.load(std::memory_order_acquire); }

std::string CallSound::read(unsigned max_samples) { return state->drain(max_samples); }

unsigned CallSound::available() const
{
    return static_cast<unsigned>(state->written.load(std::memory_order_acquire) -
                                 state->taken.load(std::memory_order_relaxed));
}

uint64_t CallSound::overruns() const { return state->overruns.load(std::memory_order_relaxed); }

CompiledLimits compiled_limits()
{
    return {PJSUA_MAX_CALLS, PJSUA_MAX_ACC, PJSUA_MAX_PLAYERS, PJSUA_MAX_CONF_PORTS, PJ_IOQUEUE_MAX_HANDLES,
            pj_get_version()};
}

}  // namespace dialer
