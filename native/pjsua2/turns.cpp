#include "turns.hpp"

#include <mutex>
#include <vector>

#include <pjsua2.hpp>
#include <pjsua-lib/pjsua.h>

/* The PJSUA2_ error macros expect these names. */
#define THIS_FILE "turns.cpp"
using pj::Error;
using std::string;

namespace dialer {

namespace {

constexpr size_t AHEAD = 3;  // turns, in which memory comes

/* Gives every call its turn in each frame of the bridge's clock: a port of the bridge that neither speaks nor listens. So
 * one thread sends and reads all RTP, and no lock is needed between our turns and those of streams on the bridge. */
class Turns {
public:
    /* Owner thread. Raises pj.Error when the bridge has no free port. */
    void begin()
    {
        if (port)
            return;
        pj_pool_t *pool = pjsua_pool_create("turns", 512, 512);
        if (!pool)
            PJSUA2_RAISE_ERROR(PJ_ENOMEM);
        pjmedia_port *made = PJ_POOL_ZALLOC_T(pool, pjmedia_port);
        const pj_str_t name = pj_str(const_cast<char *>("turns"));
        pjmedia_port_info_init(&made->info, &name, PJMEDIA_SIG_CLASS_APP('D', 'T', 'U'), SAMPLE_RATE, 1, 16,
                               FRAME_SAMPLES);
        made->port_data.pdata = pool;
        made->get_frame = &on_clock;
        made->on_destroy = &on_bridge_gone;
        pjsua_conf_port_id id;
        PJSUA2_CHECK_EXPR( pjmedia_port_init_grp_lock(made, pool, nullptr) );
        PJSUA2_CHECK_EXPR( pjsua_conf_add_port(pool, made, &id) );
        pjmedia_port_destroy(made);  // the bridge holds it
        PJSUA2_CHECK_EXPR( pjsua_conf_connect(id, 0) );
        port = made;
    }

    void add(Guard *guard)
    {
        pj_grp_lock_add_ref(guard->grp_lock);
        const std::lock_guard<std::mutex> held(lock);
        coming.push_back(guard);
    }

private:
    static pj_status_t on_clock(pjmedia_port *, pjmedia_frame *frame);
    static pj_status_t on_bridge_gone(pjmedia_port *gone);

    void take_newcomers()
    {
        const std::lock_guard<std::mutex> held(lock);
        guards.insert(guards.end(), coming.begin(), coming.end());
        coming.clear();
    }

    void let_go(size_t index)
    {
        Guard *guard = guards[index];
        guards[index] = guards.back();
        guards.pop_back();
        pj_grp_lock_dec_ref(guard->grp_lock);
    }

    pjmedia_port *port = nullptr;
    std::mutex lock;
    std::vector<Guard *> coming;
    std::vector<Guard *> guards;  // the clock's alone
};

Turns &turns = *new Turns();

pj_status_t Turns::on_clock(pjmedia_port *, pjmedia_frame *frame)
{
    turns.take_newcomers();
    for (size_t i = 0; i < turns.guards.size();) {
        if (i + 2 * AHEAD < turns.guards.size())
            expect(turns.guards[i + 2 * AHEAD]);
        if (i + AHEAD < turns.guards.size())
            expect_parts(turns.guards[i + AHEAD]);
        if (turn(turns.guards[i]))
            ++i;
        else
            turns.let_go(i);
    }
    frame->type = PJMEDIA_FRAME_TYPE_NONE;
    return PJ_SUCCESS;
}

/* Its clock has stopped. */
pj_status_t Turns::on_bridge_gone(pjmedia_port *gone)
{
    turns.take_newcomers();
    while (!turns.guards.empty())
        turns.let_go(turns.guards.size() - 1);
    turns.port = nullptr;
    pj_pool_release(static_cast<pj_pool_t *>(gone->port_data.pdata));
    return PJ_SUCCESS;
}

}  // namespace

void begin_turns() { turns.begin(); }

void give_turns(Guard *guard) { turns.add(guard); }

}  // namespace dialer
