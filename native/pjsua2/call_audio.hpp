/*
 * The dialer's additions to pjsua2: what a call plays and hears, without Python on the media thread.
 *
 * A Python callback for each 20 ms frame costs about 0.1 ms and jitters every call in the process. Here the
 * media clock thread only copies samples; Python comes by now and then, on its own thread.
 *
 * All audio is 16-bit native-endian mono at 8000 Hz, and the conference bridge must run at that rate.
 */
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <pjsua2.hpp>
#include <pjsua-lib/pjsua.h>

namespace dialer {

constexpr unsigned SAMPLE_RATE = 8000;

using Samples = std::vector<int16_t>;

/* How a peer has its sound, one byte a sample (ITU-T G.711). */
enum class Law { MU, A };

/* One sound in every form in which it is needed. */
struct Sound {
    Samples pcm;
    std::vector<uint8_t> mu;
    std::vector<uint8_t> a;
};

/* Audio that any number of calls play at the same time: held in memory once, never changed.
 * Deleting it in Python is safe while calls still play it. */
class PcmBuffer {
public:
    /* Copies `size` bytes of audio; an odd last byte is dropped. */
    PcmBuffer(const char *data, size_t size);

    /* Length in samples. */
    size_t size() const { return sound->pcm.size(); }

    /* Length in whole milliseconds. */
    unsigned duration_ms() const { return static_cast<unsigned>(size() * 1000 / SAMPLE_RATE); }

private:
    friend class CallSound;
    std::shared_ptr<const Sound> sound;
};

/* What the media thread and the owner share. Outlives whichever of the two ends first. */
class CallSoundState {
public:
    explicit CallSoundState(size_t tap_samples) : ring(tap_samples) {}

    /* Player. The lock is held for a pointer swap or one frame's copy. */
    std::mutex lock;
    std::shared_ptr<const Sound> playing;
    bool loop = false;
    std::atomic<uint64_t> position{0};
    std::atomic<bool> finished{false};

    /* Tap: one producer (media thread, `written`), one consumer (owner, `taken`). */
    Samples ring;
    std::atomic<uint64_t> written{0};
    std::atomic<uint64_t> taken{0};
    std::atomic<uint64_t> overruns{0};
    std::atomic<bool> listens{false};  // without the bridge, which is told by its connections

    /* The next samples to be sent, silence where there are none. Returns where those after them are, or null. */
    const void *fill(int16_t *out, size_t count);
    const void *fill(Law law, uint8_t *out, size_t count);

    void hear(const int16_t *in, size_t count);
    std::string drain(size_t max_samples);

private:
    template <typename Sample>
    const void *fill(const std::vector<Sample> Sound::*form, Sample silence, Sample *out, size_t count);
};

/* One call's mouth and ear: plays a PcmBuffer, and keeps what is heard in a ring buffer. What it is that carries the
 * sound, derived classes say. Make, use and delete it on the owner thread. */
class CallSound {
public:
    virtual ~CallSound() = default;

    /* Plays the buffer from its start, replacing what is being played. Silence is sent before and after. */
    void play(const PcmBuffer &buffer, bool loop = false);

    /* Falls silent within one frame. The position stays where it stopped. */
    void stop();

    /* Milliseconds sent since the last play(); with loop, over all rounds. */
    unsigned position_ms() const;

    /* True once the last buffer was played to its end; false after stop(), before play() and while looping. */
    bool finished() const;

    /* Takes up to max_samples of the oldest unread audio, as bytes. Empty when there is none. */
    std::string read(unsigned max_samples);

    /* Samples that can be read now. */
    unsigned available() const;

    /* Samples lost because the ring was full: the newest are dropped, what is unread stays whole. */
    uint64_t overruns() const;

protected:
    explicit CallSound(unsigned tap_ms);
    CallSound(const CallSound &) = delete;
    CallSound &operator=(const CallSound &) = delete;

    std::shared_ptr<CallSoundState> state;
};

/* Speaks and listens on the conference bridge: plays to whatever it transmits to, hears what is transmitted to it. Mouth
 * and ear are one port because each port costs the bridge time and memory. It joins the bridge when made and leaves it
 * when deleted. */
class CallAudio : public pj::AudioMedia, public CallSound {
public:
    /* tap_ms: how much heard audio to keep, in milliseconds; 0 keeps none.
     * Raises pj.Error when the bridge does not run at 8000 Hz mono or has no free port. */
    explicit CallAudio(unsigned tap_ms = 2000);
    virtual ~CallAudio();

private:
    pjmedia_port *port = nullptr;
};

/* The limits this module was compiled with; the dialer checks its configuration against them. */
struct CompiledLimits {
    unsigned max_calls;
    unsigned max_accounts;
    unsigned max_players;
    unsigned max_conf_ports;
    unsigned ioqueue_max_handles;
    std::string pjproject_version;
};

CompiledLimits compiled_limits();

}  // namespace dialer
