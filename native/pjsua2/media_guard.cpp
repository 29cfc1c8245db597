#include "media_guard.hpp"

#include <pjmedia/transport.h>
#include <pjsua-lib/pjsua.h>

/* The PJSUA2_ error macros expect these names. */
#define THIS_FILE "media_guard.cpp"
using pj::Error;
using std::string;

namespace dialer {

namespace {

/* A media transport that hands everything on to the one behind it, but for packets of strangers. It lives as long as
 * that one's group lock. */
struct Guard : pjmedia_transport {
    pjmedia_transport *behind;
    pj_pool_t *pool;
    std::shared_ptr<std::atomic<uint64_t>> strangers;
    long second;      // of the packets counted
    unsigned packets; // in this second; one media thread at a time reads a socket
    pjmedia_transport_attach_param stream;  // the stream's own callbacks; user_data is null while it is not attached
};

Guard *guard_of(pjmedia_transport *transport)
{
    return static_cast<Guard *>(transport);
}

/* The stream may be detached by the owner while a media thread is here. */
pjmedia_transport_attach_param stream_of(Guard *guard)
{
    pj_grp_lock_acquire(guard->grp_lock);
    const pjmedia_transport_attach_param stream = guard->stream;
    pj_grp_lock_release(guard->grp_lock);
    return stream;
}

bool too_many(Guard *guard)
{
    pj_time_val now;
    pj_gettickcount(&now);
    if (now.sec != guard->second) {
        guard->second = now.sec;
        guard->packets = 0;
    }
    return ++guard->packets > PACKETS_A_SECOND;
}

void on_rtp(pjmedia_tp_cb_param *packet)
{
    Guard *guard = static_cast<Guard *>(packet->user_data);
    if (!guard)  // detached meanwhile
        return;
    const pjmedia_transport_attach_param stream = stream_of(guard);
    if (!stream.user_data)
        return;
    if (packet->size >= 0 && pj_sockaddr_cmp(packet->src_addr, &stream.rem_addr) != 0) {
        guard->strangers->fetch_add(1, std::memory_order_relaxed);
        return;
    }
    if (packet->size >= 0 && too_many(guard))
        return;
    if (stream.rtp_cb2) {
        pjmedia_tp_cb_param own = *packet;
        own.user_data = stream.user_data;
        stream.rtp_cb2(&own);
    } else if (stream.rtp_cb) {
        stream.rtp_cb(stream.user_data, packet->pkt, packet->size);
    }
}

void on_rtcp(void *user_data, void *packet, pj_ssize_t size)
{
    Guard *guard = static_cast<Guard *>(user_data);
    if (!guard)
        return;
    const pjmedia_transport_attach_param stream = stream_of(guard);
    if (stream.user_data && stream.rtcp_cb)
        stream.rtcp_cb(stream.user_data, packet, size);
}

/* Multicast and broadcast: one call's sound for many, who never asked for it (RFC 5771, RFC 919). */
bool is_for_many(const pj_sockaddr &address)
{
    return address.addr.sa_family == pj_AF_INET() && pj_ntohl(address.ipv4.sin_addr.s_addr) >> 28 >= 0xE;
}

pj_status_t attach2(pjmedia_transport *transport, pjmedia_transport_attach_param *wanted)
{
    Guard *guard = guard_of(transport);
    if (is_for_many(wanted->rem_addr))
        return PJ_EINVALIDOP;
    pj_grp_lock_acquire(guard->grp_lock);
    guard->stream = *wanted;
    pj_grp_lock_release(guard->grp_lock);

    pjmedia_transport_attach_param own = *wanted;
    own.user_data = guard;
    own.rtp_cb = nullptr;
    own.rtp_cb2 = &on_rtp;
    own.rtcp_cb = &on_rtcp;
    const pj_status_t status = pjmedia_transport_attach2(guard->behind, &own);
    if (status != PJ_SUCCESS)
        guard->stream.user_data = nullptr;
    return status;
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

void detach(pjmedia_transport *transport, void *)
{
    Guard *guard = guard_of(transport);
    pj_grp_lock_acquire(guard->grp_lock);
    const bool attached = guard->stream.user_data != nullptr;
    guard->stream.user_data = nullptr;
    pj_grp_lock_release(guard->grp_lock);
    if (attached)
        pjmedia_transport_detach(guard->behind, guard);
}

pj_status_t destroy(pjmedia_transport *transport)
{
    Guard *guard = guard_of(transport);
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
    op.get_info = [](pjmedia_transport *tp, pjmedia_transport_info *info) {
        return pjmedia_transport_get_info(guard_of(tp)->behind, info);
    };
    op.send_rtp = [](pjmedia_transport *tp, const void *packet, pj_size_t size) {
        return pjmedia_transport_send_rtp(guard_of(tp)->behind, packet, size);
    };
    op.send_rtcp = [](pjmedia_transport *tp, const void *packet, pj_size_t size) {
        return pjmedia_transport_send_rtcp(guard_of(tp)->behind, packet, size);
    };
    op.send_rtcp2 = [](pjmedia_transport *tp, const pj_sockaddr_t *address, unsigned address_size, const void *packet,
                       pj_size_t size) {
        return pjmedia_transport_send_rtcp2(guard_of(tp)->behind, address, address_size, packet, size);
    };
    op.media_create = [](pjmedia_transport *tp, pj_pool_t *pool, unsigned options, const pjmedia_sdp_session *remote,
                         unsigned index) {
        return pjmedia_transport_media_create(guard_of(tp)->behind, pool, options, remote, index);
    };
    op.encode_sdp = [](pjmedia_transport *tp, pj_pool_t *pool, pjmedia_sdp_session *local,
                       const pjmedia_sdp_session *remote, unsigned index) {
        return pjmedia_transport_encode_sdp(guard_of(tp)->behind, pool, local, remote, index);
    };
    op.media_start = [](pjmedia_transport *tp, pj_pool_t *pool, const pjmedia_sdp_session *local,
                        const pjmedia_sdp_session *remote, unsigned index) {
        return pjmedia_transport_media_start(guard_of(tp)->behind, pool, local, remote, index);
    };
    op.media_stop = [](pjmedia_transport *tp) { return pjmedia_transport_media_stop(guard_of(tp)->behind); };
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
    pj_grp_lock_add_ref(behind->grp_lock);
    pj_grp_lock_add_handler(behind->grp_lock, pool, guard, &on_destroy);
    created.mediaTp = static_cast<pjmedia_transport *>(guard);
}

}  // namespace dialer
