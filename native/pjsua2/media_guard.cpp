#include "media_guard.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/socket.h>

#include <pjmedia/transport.h>
#include <pjsua-lib/pjsua.h>

/* The PJSUA2_ error macros expect these names. */
#define THIS_FILE "media_guard.cpp"
using pj::Error;
using std::string;

namespace dialer {

namespace {

constexpr unsigned OWN_AT_ONCE = PACKETS_A_SECOND / 50;
constexpr unsigned READ_AT_ONCE = 400;  // what a socket's buffer holds; a flood must not keep other calls waiting
constexpr unsigned RTCP_EVERY = 16;     // times that RTP is read
constexpr std::chrono::milliseconds SILENT_FOR{40};  // then a call is read though it sends nothing

/* A media transport in place of pjmedia's own, whose sockets it uses. It lives as long as that one's group lock. */
struct Guard : pjmedia_transport {
    pjmedia_transport *behind;
    pj_pool_t *pool;
    std::shared_ptr<std::atomic<uint64_t>> strangers;
    int rtp;
    int rtcp;
    /* What follows is under the group lock, and so is the stream while it is told: it may send RTCP then, for which it
     * takes that lock itself. */
    bool attached;                          // a stream is
    pjmedia_transport_attach_param stream;  // its callbacks and addresses
    unsigned times;                         // that it was read
    unsigned times_seen;                    // by the reader of those that are silent
};

class Held {
public:
    explicit Held(Guard *guard) : lock(guard->grp_lock) { pj_grp_lock_acquire(lock); }
    ~Held() { pj_grp_lock_release(lock); }
    Held(const Held &) = delete;
    Held &operator=(const Held &) = delete;

private:
    pj_grp_lock_t *lock;
};

Guard *guard_of(pjmedia_transport *transport)
{
    return static_cast<Guard *>(transport);
}

/* Sound and keys of the peer to its stream; what is a stranger's is dropped. */
void take_rtp(Guard *guard)
{
    alignas(8) char packet[PJMEDIA_MAX_MRU];
    unsigned own = 0;
    for (unsigned read = 0; read < READ_AT_ONCE; ++read) {
        pj_sockaddr source;
        socklen_t length = sizeof(source);
        const ssize_t size = recvfrom(guard->rtp, packet, sizeof(packet), MSG_DONTWAIT,
                                      reinterpret_cast<sockaddr *>(&source), &length);
        if (size < 0)
            return;
        if (pj_sockaddr_cmp(&source, &guard->stream.rem_addr) != 0) {
            guard->strangers->fetch_add(1, std::memory_order_relaxed);
            continue;
        }
        if (++own > OWN_AT_ONCE)
            continue;
        if (guard->stream.rtp_cb2) {
            pjmedia_tp_cb_param told;
            pj_bzero(&told, sizeof(told));
            told.user_data = guard->stream.user_data;
            told.pkt = packet;
            told.size = size;
            told.src_addr = &source;
            guard->stream.rtp_cb2(&told);
        } else if (guard->stream.rtp_cb) {
            guard->stream.rtp_cb(guard->stream.user_data, packet, size);
        }
    }
}

void take_rtcp(Guard *guard)
{
    alignas(8) char packet[PJMEDIA_MAX_MRU];
    for (unsigned read = 0; read < OWN_AT_ONCE; ++read) {
        const ssize_t size = recv(guard->rtcp, packet, sizeof(packet), MSG_DONTWAIT);
        if (size < 0)
            return;
        if (guard->stream.rtcp_cb)
            guard->stream.rtcp_cb(guard->stream.user_data, packet, size);
    }
}

void take(Guard *guard)
{
    take_rtp(guard);
    if (++guard->times % RTCP_EVERY == 0)
        take_rtcp(guard);
}

/* Reads the sockets of calls that send nothing, as on hold: the others are read whenever they send. */
class Reader {
public:
    void add(Guard *guard)
    {
        const std::lock_guard<std::mutex> held(lock);
        guards.push_back(guard);
        if (guards.size() == 1)
            std::thread(&Reader::run, this, ++life).detach();
    }

    void remove(Guard *guard)
    {
        const std::lock_guard<std::mutex> held(lock);
        const auto found = std::find(guards.begin(), guards.end(), guard);
        if (found == guards.end())
            return;
        *found = guards.back();
        guards.pop_back();
        if (guards.empty())
            ++life;
    }

private:
    /* Until no call is left: pjlib may end then, and nothing of it may be used afterwards. */
    void run(unsigned mine)
    {
        pj_thread_desc description;
        pj_thread_t *thread = nullptr;
        pthread_setname_np(pthread_self(), "reader");
        for (;;) {
            std::this_thread::sleep_for(SILENT_FOR);
            const std::lock_guard<std::mutex> held(lock);
            if (life != mine)
                return;
            if (!thread) {
                pj_bzero(description, sizeof(description));
                pj_thread_register("reader", description, &thread);
            }
            for (Guard *guard : guards) {
                const Held own(guard);
                if (guard->times == guard->times_seen)
                    take(guard);
                guard->times_seen = guard->times;
            }
        }
    }

    std::mutex lock;
    std::vector<Guard *> guards;
    unsigned life = 0;
};

/* Never destroyed: its thread may outlive main(). */
Reader &reader = *new Reader();

/* Multicast and broadcast: one call's sound for many, who never asked for it (RFC 5771, RFC 919). */
bool is_for_many(const pj_sockaddr &address)
{
    return address.addr.sa_family == pj_AF_INET() && pj_ntohl(address.ipv4.sin_addr.s_addr) >> 28 >= 0xE;
}

void detach(pjmedia_transport *transport, void *)
{
    Guard *guard = guard_of(transport);
    reader.remove(guard);
    const Held held(guard);
    guard->attached = false;
}

pj_status_t attach2(pjmedia_transport *transport, pjmedia_transport_attach_param *wanted)
{
    Guard *guard = guard_of(transport);
    if (is_for_many(wanted->rem_addr))
        return PJ_EINVALIDOP;
    detach(transport, nullptr);
    {
        const Held held(guard);
        guard->stream = *wanted;
        if (!pj_sockaddr_has_addr(&wanted->rem_rtcp)) {
            pj_sockaddr_cp(&guard->stream.rem_rtcp, &wanted->rem_addr);
            pj_sockaddr_set_port(&guard->stream.rem_rtcp, pj_sockaddr_get_port(&wanted->rem_addr) + 1);
        }
        guard->attached = true;
    }
    reader.add(guard);
    return PJ_SUCCESS;
}

/* pjmedia's older interface: as attach2. */
pj_status_t attach(pjmedia_transport *transport, void *user_data, const pj_sockaddr_t *address,
                   const pj_sockaddr_t *rtcp_address, unsigned address_size,
                   void (*rtp)(void *, void *, pj_ssize_t), void (*rtcp)(void *, void *, pj_ssize_t))
{
    pjmedia_transport_attach_param wanted;
    pj_bzero(&wanted, sizeof(wanted));
    pj_memcpy(&wanted.rem_addr, address, address_size);
    if (rtcp_address)
        pj_memcpy(&wanted.rem_rtcp, rtcp_address, address_size);
    wanted.addr_len = address_size;
    wanted.user_data = user_data;
    wanted.rtp_cb = rtp;
    wanted.rtcp_cb = rtcp;
    return attach2(transport, &wanted);
}

pj_status_t send(int socket, const pj_sockaddr &to, const void *packet, pj_size_t size)
{
    const ssize_t sent = sendto(socket, packet, size, MSG_DONTWAIT, reinterpret_cast<const sockaddr *>(&to),
                                pj_sockaddr_get_len(&to));
    return sent < 0 ? PJ_STATUS_FROM_OS(errno) : PJ_SUCCESS;
}

/* Reads as well: what the stream is made of is in the processor's cache now, and would not be in another thread's. A
 * call to epoll for each packet, as pjmedia's own transport makes four, would cost more than the reading.
 * pjmedia's clock may still send for a stream that is gone: nothing leaves then. */
pj_status_t send_rtp(pjmedia_transport *transport, const void *packet, pj_size_t size)
{
    Guard *guard = guard_of(transport);
    const Held held(guard);
    if (!guard->attached)
        return PJ_SUCCESS;
    const pj_status_t status = send(guard->rtp, guard->stream.rem_addr, packet, size);
    take(guard);
    return status;
}

pj_status_t send_rtcp2(pjmedia_transport *transport, const pj_sockaddr_t *address, unsigned, const void *packet,
                       pj_size_t size)
{
    Guard *guard = guard_of(transport);
    const Held held(guard);
    const pj_sockaddr &to = address ? *static_cast<const pj_sockaddr *>(address) : guard->stream.rem_rtcp;
    return guard->attached ? send(guard->rtcp, to, packet, size) : PJ_SUCCESS;
}

pj_status_t send_rtcp(pjmedia_transport *transport, const void *packet, pj_size_t size)
{
    return send_rtcp2(transport, nullptr, 0, packet, size);
}

pj_status_t destroy(pjmedia_transport *transport)
{
    Guard *guard = guard_of(transport);
    detach(transport, nullptr);
    pjmedia_transport_close(guard->behind);
    pj_grp_lock_dec_ref(guard->grp_lock);
    return PJ_SUCCESS;
}

/* The last user of the group lock has let go. */
void on_destroy(void *argument)
{
    Guard *guard = static_cast<Guard *>(argument);
    pj_pool_t *pool = guard->pool;
    guard->~Guard();
    pj_pool_release(pool);
}

pjmedia_transport_op make_operations()
{
    pjmedia_transport_op op;
    pj_bzero(&op, sizeof(op));
    op.attach = &attach;
    op.attach2 = &attach2;
    op.detach = &detach;
    op.destroy = &destroy;
    op.send_rtp = &send_rtp;
    op.send_rtcp = &send_rtcp;
    op.send_rtcp2 = &send_rtcp2;
    /* The one behind is never attached or started: it neither reads nor sends. */
    op.media_start = [](pjmedia_transport *, pj_pool_t *, const pjmedia_sdp_session *, const pjmedia_sdp_session *,
                        unsigned) { return pj_status_t(PJ_SUCCESS); };
    op.media_stop = [](pjmedia_transport *) { return pj_status_t(PJ_SUCCESS); };
    op.get_info = [](pjmedia_transport *tp, pjmedia_transport_info *info) {
        return pjmedia_transport_get_info(guard_of(tp)->behind, info);
    };
    op.media_create = [](pjmedia_transport *tp, pj_pool_t *pool, unsigned options, const pjmedia_sdp_session *remote,
                         unsigned index) {
        return pjmedia_transport_media_create(guard_of(tp)->behind, pool, options, remote, index);
    };
    op.encode_sdp = [](pjmedia_transport *tp, pj_pool_t *pool, pjmedia_sdp_session *local,
                       const pjmedia_sdp_session *remote, unsigned index) {
        return pjmedia_transport_encode_sdp(guard_of(tp)->behind, pool, local, remote, index);
    };
    op.simulate_lost = [](pjmedia_transport *tp, pjmedia_dir direction, unsigned percent) {
        return pjmedia_transport_simulate_lost(guard_of(tp)->behind, direction, percent);
    };
    return op;
}

pjmedia_transport_op operations = make_operations();

}  // namespace

void MediaGuard::stand_before(pj::OnCreateMediaTransportParam &created)
{
    pjmedia_transport *behind = static_cast<pjmedia_transport *>(created.mediaTp);
    pjmedia_transport_info sockets;
    pjmedia_transport_info_init(&sockets);
    PJSUA2_CHECK_EXPR( pjmedia_transport_get_info(behind, &sockets) );
    pj_pool_t *pool = pjsua_pool_create("guard%p", 1000, 1000);
    if (!pool)
        PJSUA2_RAISE_ERROR(PJ_ENOMEM);
    Guard *guard = new (pj_pool_zalloc(pool, sizeof(Guard))) Guard();
    pj_ansi_strxcpy(guard->name, pool->obj_name, sizeof(guard->name));
    guard->type = static_cast<pjmedia_transport_type>(PJMEDIA_TRANSPORT_TYPE_USER + 1);
    guard->op = &operations;
    guard->grp_lock = behind->grp_lock;
    guard->behind = behind;
    guard->pool = pool;
    guard->strangers = count;
    guard->rtp = static_cast<int>(sockets.sock_info.rtp_sock);
    guard->rtcp = static_cast<int>(sockets.sock_info.rtcp_sock);
    pj_grp_lock_add_ref(behind->grp_lock);
    pj_grp_lock_add_handler(behind->grp_lock, pool, guard, &on_destroy);
    created.mediaTp = static_cast<pjmedia_transport *>(guard);
}

}  // namespace dialer
