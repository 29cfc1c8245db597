/*
 * Compile-time settings of pjproject for the dialer: one SIP agent process, up to 2048 calls at once,
 * audio only, no sound device. Every value that differs from upstream's default says why.
 * The limits marked [exported] can be read from Python with pjsua2.compiled_limits().
 */

/* --- How many ------------------------------------------------------------------------------------ */

/* [exported] Calls at once in one process. The array is allocated once: about 6 kB a call. */
#define PJSUA_MAX_CALLS                  2048

/* [exported] One account for each trunk, and some for simulated callees. */
#define PJSUA_MAX_ACC                    64

/* [exported] File players. The dialer plays from shared buffers (MessagePlayer) and needs none, but
 * upstream's AudioMediaPlayer stays usable to the same number. */
#define PJSUA_MAX_PLAYERS                2048

/* [exported] Slots of the conference bridge. A simulated callee takes two, its stream and its CallAudio; a call one, and
 * only while it talks to another. */
#define PJSUA_MAX_CONF_PORTS             8192

/* [exported] Sockets in the I/O queue. A call takes two (RTP, RTCP); a closed one stays reserved for
 * PJ_IOQUEUE_KEY_FREE_DELAY (500 ms). The process also needs that many file descriptors. */
#define PJ_IOQUEUE_MAX_HANDLES           8192

/* Media lines in one SDP; further ones are ignored. The default of 16 makes a call 22 kB instead of 6. */
#define PJMEDIA_MAX_SDP_MEDIA            4

/* --- SIP ----------------------------------------------------------------------------------------- */

/* Buckets of the transaction and dialog hash tables, 2^n-1 (they grow no further: a small table is only
 * slow). A finished transaction lingers up to 32 s, so there are many more of them than calls. */
#define PJSIP_MAX_TSX_COUNT              (16384 - 1)
#define PJSIP_MAX_DIALOG_COUNT           (4096 - 1)

/* Work done in one poll, so that a burst needs fewer rounds through Python (defaults: 1 and 10). */
#define PJSIP_MAX_NET_EVENTS             16
#define PJSIP_MAX_TIMED_OUT_ENTRIES      64

/* A burst of answers must wait in the socket, not be dropped. The kernel caps this at net.core.rmem_max. */
#define PJSIP_UDP_SO_RCVBUF_SIZE         (4 * 1024 * 1024)
#define PJSIP_UDP_SO_SNDBUF_SIZE         (1024 * 1024)

/* A UDP trunk stays on UDP: the operator chose the transport, and many gateways listen on nothing else.
 * Deviates from RFC 3261 section 18.1.1, as most gateways do. */
#define PJSIP_DONT_SWITCH_TO_TCP         1

/* Responses with Identity headers, several Via and Record-Route headers and SDP exceed the default of 4000. */
#define PJSIP_MAX_PKT_LEN                8000

/* A message that is sent holds a buffer of that length, and a call holds two messages, INVITE and ACK, until it ends.
 * Their pools grow by whole multiples of this: with the default of 4000 each buffer would take 12000. */
#define PJSIP_POOL_INC_TDATA             1000

/* TCP connections to our port: one that brings no SIP message in 5 s is closed (default: never), one that is idle after
 * 120 s (default: 600), for each takes a socket that a call may need. A burst of them may wait (default: 5). */
#define PJSIP_TCP_INITIAL_TIMEOUT        5
#define PJSIP_TRANSPORT_SERVER_IDLE_TIME 120
#define PJSIP_TCP_TRANSPORT_BACKLOG      128

/* --- Media --------------------------------------------------------------------------------------- */

#define PJMEDIA_HAS_VIDEO                0

/* The payload type every gateway uses for RFC 4733 events, offered at the 8 kHz clock rate only. */
#define PJMEDIA_RTP_PT_TELEPHONE_EVENTS  101
#define PJMEDIA_TELEPHONE_EVENT_ALL_CLOCKRATES 0

/* --- Cost ---------------------------------------------------------------------------------------- */

/* Trace messages (level 6) are compiled out; 5 stays, for hunting a fault in the field. */
#define PJ_LOG_MAX_LEVEL                 5

/* Remembers source file and line of each timer: useful to pjproject's own developers only. */
#define PJ_TIMER_DEBUG                   0
