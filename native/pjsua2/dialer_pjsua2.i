// pjsua2 as upstream wraps it, with the dialer's additions. Build: swig -python -c++ -threads.

// The bridge reports each finished operation on the media clock thread. No Python there, not even when
// somebody subclasses Endpoint.
%feature("nodirector") pj::Endpoint::onAudioMediaOpCompleted;
%feature("nodirector") pj::Endpoint::onVideoMediaOpCompleted;

// Nobody here overrides these, and each would wake Python several times a call: with every packet of a key, for one.
%feature("nodirector") pj::Call::onStreamPreCreate;
%feature("nodirector") pj::Call::onStreamCreated;
%feature("nodirector") pj::Call::onDtmfEvent;
%feature("nodirector") pj::Call::onCallMediaTransportState;
%feature("nodirector") pj::Call::onCallMediaEvent;
%feature("nodirector") pj::Call::onCreateMediaTransportSrtp;

%include "pjsua2.i"

%include "stdint.i"
%include "exception.i"
%include "pybuffer.i"

%{
#include "call_audio.hpp"
#include "call_control.hpp"
#include "front_door.hpp"
#include "call_rtp.hpp"
%}

// Nothing on stdout before libInit() has set the level: libCreate() would print its start at the highest one.
%init %{
    pj_log_set_level(0);
%}

// Wrong configuration of the bridge or no free port: pj.Error, as from upstream's own calls.
%catches(pj::Error) dialer::CallAudio::CallAudio;
%catches(pj::Error) dialer::cancel_call;
%catches(pj::Error) dialer::call_state;
%catches(pj::Error) dialer::close_front_door;
%catches(pj::Error) dialer::CallRtp::stand_before;
%catches(pj::Error) dialer::CallRtp::to_bridge;

// Anything with the buffer protocol in, bytes out.
%pybuffer_binary(const char *data, size_t size);
%typemap(out) std::string dialer::CallSound::read {
    $result = PyBytes_FromStringAndSize($1.data(), static_cast<Py_ssize_t>($1.size()));
}

// These take about a microsecond: giving the GIL away and waiting to get it back would cost far more.
%nothreadallow dialer::CallSound::play;
%nothreadallow dialer::CallSound::stop;
%nothreadallow dialer::CallSound::position_ms;
%nothreadallow dialer::CallSound::finished;
%nothreadallow dialer::CallSound::read;
%nothreadallow dialer::CallSound::available;
%nothreadallow dialer::CallSound::overruns;

%ignore dialer::CallSoundState;
%ignore dialer::Sound;
%ignore dialer::Guard;
%ignore dialer::SAMPLE_RATE;
%ignore dialer::REQUESTS_A_SECOND;
%ignore dialer::PACKETS_A_SECOND;

%include "call_audio.hpp"
%include "call_control.hpp"
%include "front_door.hpp"
%include "call_rtp.hpp"
