#include "rtp_guard.hpp"

#include <cerrno>

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <pjsua-lib/pjsua.h>

#include "call_rtp.hpp"
#include "turns.hpp"

namespace dialer {

namespace {

constexpr unsigned OWN_AT_ONCE = PACKETS_A_SECOND / 50;
constexpr unsigned READ_AT_ONCE = 400;  // what a socket's buffer holds; a flood must not keep other calls waiting
constexpr unsigned RTCP_EVERY = 16;     // times that RTP is read
constexpr size_t LOCK_SIZE = 128;       // about: pjlib keeps what is in it to itself

std::atomic<int> bell{-1};

Guard *own(pjmedia_transport *transport)
{
    return static_cast<Guard *>(transport);
}

/* Whether a packet is the peer's. One that may send from anywhere is followed as pjmedia would: at once when nothing came
 * from where it was awaited, else when nothing has for a while. */
bool is_peers(Guard *guard, const pj_sockaddr &source)
{
    if (pj_sockaddr_cmp(&source, &guard->stream.rem_addr) == 0) {
        guard->elsewhere = 0;
        return guard->heard = true;
    }
    if (!guard->anywhere) {
        guard->strangers->fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    if (guard->heard && ++guard->elsewhere < PJMEDIA_RTP_NAT_PROBATION_CNT)
        return false;
    pj_sockaddr_cp(&guard->stream.rem_addr, &source);
    pj_sockaddr_cp(&guard->stream.rem_rtcp, &source);
    pj_sockaddr_set_port(&guard->stream.rem_rtcp, pj_uint16_t(pj_sockaddr_get_port(&source) + 1));
    guard->elsewhere = 0;
    return guard->heard = true;
}

/* To the ear, or to the stream. */
void take_packet(Guard *guard, char *packet, size_t size)
{
    const auto *bytes = reinterpret_cast<const uint8_t *>(packet);
    if (!guard->bridged && guard->line && guard->line.take(*guard->sound, bytes, size))
        return;
    if (guard->stream.rtp_cb2) {
        pjmedia_tp_cb_param told;  // without the source: whose packet it is has been decided
        pj_bzero(&told, sizeof(told));
        told.user_data = guard->stream.user_data;
        told.pkt = packet;
        told.size = pj_ssize_t(size);
        guard->stream.rtp_cb2(&told);
    } else if (guard->stream.rtp_cb) {
        guard->stream.rtp_cb(guard->stream.user_data, packet, pj_ssize_t(size));
    }
    if (size > 1 && (bytes[1] & 0x7F) >= PJMEDIA_RTP_PT_DYNAMIC)  // events are (RFC 4733), sound and comfort noise are not
        eventfd_write(bell.load(), 1);
}

/* Sound and keys of the peer; what is a stranger's is dropped. Read until nothing is left, though one packet is the rule: some
 * send a key beside their sound, and it must not wait a turn behind it. More than OWN_AT_ONCE wait for the next turn: a key may
 * be among them, pressed while the 200 was lost and sent again. */
void take_rtp(Guard *guard)
{
    alignas(8) char packet[PJMEDIA_MAX_MRU];
    unsigned own = 0;
    for (unsigned read = 0; read < READ_AT_ONCE && own < OWN_AT_ONCE; ++read) {
        pj_sockaddr source;
        socklen_t source_size = sizeof(source);
        const ssize_t size = recvfrom(guard->rtp, packet, sizeof(packet), MSG_DONTWAIT,
                                      reinterpret_cast<sockaddr *>(&source), &source_size);
        if (size < 0 && errno == ECONNREFUSED)
            continue;
        if (size < 0)
            return;
        if (!is_peers(guard, source))
            continue;
        ++own;
        take_packet(guard, packet, size_t(size));
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

/* Once the peer has been heard from where it was awaited: the kernel then drops what strangers send, and looks up the way
 * there once instead of for each packet. Strangers are counted until then, which shows a peer that is somewhere else. */
void connect_to_peer(Guard *guard)
{
    if (guard->connected || guard->anywhere || !guard->heard)
        return;
    const pj_sockaddr &peer = guard->stream.rem_addr;
    guard->connected =
        connect(guard->rtp, reinterpret_cast<const sockaddr *>(&peer), socklen_t(pj_sockaddr_get_len(&peer))) == 0;
}

void disconnect(Guard *guard)
{
    if (!guard->connected)
        return;
    const sockaddr nobody = {AF_UNSPEC, {}};
    connect(guard->rtp, &nobody, sizeof(nobody));
    guard->connected = false;
}

void take(Guard *guard)
{
    take_rtp(guard);
    if (++guard->times % RTCP_EVERY == 0) {
        take_rtcp(guard);
        connect_to_peer(guard);
    }
}

pj_status_t send(int socket, const pj_sockaddr *to, const void *packet, pj_size_t size)
{
    ssize_t sent = -1;
    /* A connected socket says once, in place of its work, that nobody took an earlier packet (RFC 1122, 4.1.3.3). */
    for (unsigned attempt = 0; attempt < 2; ++attempt) {
        sent = sendto(socket, packet, size, MSG_DONTWAIT, reinterpret_cast<const sockaddr *>(to),
                      to ? pj_sockaddr_get_len(to) : 0);
        if (sent >= 0 || errno != ECONNREFUSED)
            break;
    }
    return sent < 0 ? PJ_STATUS_FROM_OS(errno) : PJ_SUCCESS;
}

pj_status_t send_rtp_of(const Guard *guard, const void *packet, pj_size_t size)
{
    return send(guard->rtp, guard->connected ? nullptr : &guard->stream.rem_addr, packet, size);
}

/* Multicast and broadcast: one call's sound for many, who never asked for it (RFC 5771, RFC 919). */
bool is_for_many(const pj_sockaddr &address)
{
    return address.addr.sa_family == pj_AF_INET() && pj_ntohl(address.ipv4.sin_addr.s_addr) >> 28 >= 0xE;
}

void detach(pjmedia_transport *transport, void *)
{
    Guard *guard = own(transport);
    const Held held(guard);
    guard->attached = false;
    guard->line = Line();
}

pj_status_t attach2(pjmedia_transport *transport, pjmedia_transport_attach_param *wanted)
{
    Guard *guard = own(transport);
    if (is_for_many(wanted->rem_addr))
        return PJ_EINVALIDOP;
    detach(transport, nullptr);
    const Held held(guard);
    guard->stream = *wanted;
    if (!pj_sockaddr_has_addr(&wanted->rem_rtcp)) {
        pj_sockaddr_cp(&guard->stream.rem_rtcp, &wanted->rem_addr);
        pj_sockaddr_set_port(&guard->stream.rem_rtcp, pj_sockaddr_get_port(&wanted->rem_addr) + 1);
    }
    disconnect(guard);
    guard->elsewhere = 0;
    guard->heard = false;
    guard->attached = true;
    if (!guard->in_turn)
        give_turns(guard);
    guard->in_turn = true;
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

/* Of a stream on the bridge. pjmedia's clock may still send for one that is gone: nothing leaves then. */
pj_status_t send_rtp(pjmedia_transport *transport, const void *packet, pj_size_t size)
{
    Guard *guard = own(transport);
    const Held held(guard);
    if (!guard->attached)
        return PJ_SUCCESS;
    const pj_status_t status = send_rtp_of(guard, packet, size);
    take(guard);
    return status;
}

/* Whether one of the RTCP packets that this one is made of is a BYE. */
bool says_bye(const void *packet, pj_size_t size)
{
    constexpr unsigned BYE = 203;
    const auto *bytes = static_cast<const uint8_t *>(packet);
    for (pj_size_t at = 0; at + 4 <= size; at += 4 * (1 + pj_size_t(bytes[at + 2] << 8 | bytes[at + 3])))
        if (bytes[at + 1] == BYE)
            return true;
    return false;
}

pj_status_t send_rtcp2(pjmedia_transport *transport, const pj_sockaddr_t *address, unsigned, const void *packet,
                       pj_size_t size)
{
    Guard *guard = own(transport);
    const Held held(guard);
    const pj_sockaddr *to = address ? static_cast<const pj_sockaddr *>(address) : &guard->stream.rem_rtcp;
    /* No packet follows a BYE (RFC 3550, 6.1). pjmedia holds the lock since it counted those before it. */
    if (says_bye(packet, size))
        guard->line = Line();
    return guard->attached ? send(guard->rtcp, to, packet, size) : PJ_SUCCESS;
}

pj_status_t send_rtcp(pjmedia_transport *transport, const void *packet, pj_size_t size)
{
    return send_rtcp2(transport, nullptr, 0, packet, size);
}

pj_status_t destroy(pjmedia_transport *transport)
{
    Guard *guard = own(transport);
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
        return pjmedia_transport_get_info(own(tp)->behind, info);
    };
    op.media_create = [](pjmedia_transport *tp, pj_pool_t *pool, unsigned options, const pjmedia_sdp_session *remote,
                         unsigned index) {
        return pjmedia_transport_media_create(own(tp)->behind, pool, options, remote, index);
    };
    op.encode_sdp = [](pjmedia_transport *tp, pj_pool_t *pool, pjmedia_sdp_session *local,
                       const pjmedia_sdp_session *remote, unsigned index) {
        return pjmedia_transport_encode_sdp(own(tp)->behind, pool, local, remote, index);
    };
    op.simulate_lost = [](pjmedia_transport *tp, pjmedia_dir direction, unsigned percent) {
        return pjmedia_transport_simulate_lost(own(tp)->behind, direction, percent);
    };
    return op;
}

pjmedia_transport_op operations = make_operations();

/* Never waits, and harms nothing when the memory is somebody else's by now: so no lock is needed to ask. */
void fetch(const void *from, size_t size)
{
    constexpr uintptr_t CACHE_LINE = 64;
    const uintptr_t begin = reinterpret_cast<uintptr_t>(from);
    for (uintptr_t line = begin & ~(CACHE_LINE - 1); line < begin + size; line += CACHE_LINE)
        __builtin_prefetch(reinterpret_cast<const void *>(line), 1);
}

}  // namespace

void ring_at(int descriptor) { bell.store(descriptor); }

void expect(const Guard *guard) { fetch(guard, sizeof(*guard)); }

void expect_parts(const Guard *guard)
{
    fetch(guard->grp_lock, LOCK_SIZE);
    fetch(guard->sound.get(), sizeof(CallSoundState));
    guard->line.expect(&fetch);
}

bool turn(Guard *guard)
{
    const Held held(guard);
    if (!guard->attached)
        return guard->in_turn = false;
    const bool speaks = guard->line && !guard->bridged;
    if (speaks)
        guard->line.turn(*guard->sound, [guard](const void *packet, size_t size) {
            return send_rtp_of(guard, packet, size);
        });
    /* A stream on the bridge reads when it sends; on hold it does not. */
    if (speaks || guard->times == guard->times_seen)
        take(guard);
    guard->times_seen = guard->times;
    return true;
}

Guard *guard_of(pjmedia_transport *transport)
{
    return transport && transport->op == &operations ? own(transport) : nullptr;
}

Guard *make_guard(pjmedia_transport *behind, const pjmedia_transport_info &sockets)
{
    pj_pool_t *pool = pjsua_pool_create("rtpguard%p", 1000, 1000);
    if (!pool)
        return nullptr;
    Guard *guard = new (pj_pool_zalloc(pool, sizeof(Guard))) Guard();
    pj_ansi_strxcpy(guard->name, pool->obj_name, sizeof(guard->name));
    guard->type = static_cast<pjmedia_transport_type>(PJMEDIA_TRANSPORT_TYPE_USER + 1);
    guard->op = &operations;
    guard->grp_lock = behind->grp_lock;
    guard->behind = behind;
    guard->pool = pool;
    guard->rtp = static_cast<int>(sockets.sock_info.rtp_sock);
    guard->rtcp = static_cast<int>(sockets.sock_info.rtcp_sock);
    pj_grp_lock_add_ref(guard->grp_lock);
    pj_grp_lock_add_handler(guard->grp_lock, pool, guard, &on_destroy);
    return guard;
}

}  // namespace dialer
