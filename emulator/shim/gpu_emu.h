// Runs GPU-style kernels on one CPU thread: fibers, barriers, SIMD-group exchange, float atomics.
// Shared by the Metal and the CUDA dialect headers. Any C++17 compiler; x86-64/aarch64 or ucontext.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <type_traits>
#include <vector>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#define EMU_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMU_ASAN 1
#endif
#endif
#if EMU_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#define EMU_PLAIN __attribute__((no_sanitize("thread")))
namespace emu {
#if EMU_RACE // race.cpp: the compiler's -fsanitize=thread calls, answered by a per-word check between barriers
void race_access(const void *p, size_t n, bool write, bool atomic);
void race_reset();
#else
inline void race_access(const void *, size_t, bool, bool) {}
inline void race_reset() {}
#endif
struct alignas(16) Word { char bytes[16]; };
struct Dim { uint32_t x = 1, y = 1, z = 1; uint64_t count() const { return uint64_t(x) * y * z; } };

#if defined(__x86_64__)
extern "C" void emu_switch(void **save_sp, void *load_sp);
__asm__(R"(
.text
.weak emu_switch
.type emu_switch,@function
emu_switch:
  pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
  ret
.size emu_switch,.-emu_switch
)");
#endif

enum Order { FORWARD, REVERSE, SHUFFLE };
enum State { RUNNING, AT_GROUP, AT_SIMD, IDLE };

struct Fiber {
    static constexpr size_t STACK = 64 * 1024;
#if defined(__x86_64__)
    void *sp = nullptr;
#else
    ucontext_t ctx;
#endif
    std::unique_ptr<char[]> stack;
    uint32_t thread = 0; // linear index in its threadgroup
    State state = IDLE;
    uint32_t simd_epoch = 0;
    int site = 0; // source line it waits at, to tell divergent barriers
};

struct Engine {
    Dim group_id, group_dim, full_dim, grid_groups, grid_threads;
    uint32_t simd_width = 32, n = 0, next = 0, finished = 0;
    Order order = FORWARD;
    std::mt19937 rng{1};
    void (*body)(void *) = nullptr;
    void *env = nullptr;
    std::vector<uint32_t> perm;
    std::vector<std::unique_ptr<Fiber>> fibers;
    Fiber main_fiber, *cur = nullptr;
    std::vector<std::vector<Word>> shared;     // memory of the group
    struct Slot { alignas(16) char b[16]; };
    std::vector<Slot> slots[2];                // exchange, double buffered
    std::vector<uint8_t> phase;
    std::vector<uint64_t> active[2];           // per SIMD group: who took part
    const char *name = "?";
    uint64_t switches = 0, barriers = 0;
    bool in_kernel = false; // accesses count as the kernel's own

    void die(const char *what) {
        std::fprintf(stderr, "gpu_emu: kernel %s, group (%u,%u,%u): %s\n", name, group_id.x, group_id.y, group_id.z, what);
        std::abort();
    }
    void swap(Fiber &from, Fiber &to) {
        ++switches;
#if EMU_ASAN
        void *fake; __sanitizer_start_switch_fiber(&fake, &to == &main_fiber ? asan_base : to.stack.get(), &to == &main_fiber ? asan_size : Fiber::STACK);
#endif
#if defined(__x86_64__)
        emu_switch(&from.sp, to.sp);
#else
        swapcontext(&from.ctx, &to.ctx);
#endif
#if EMU_ASAN
        const void *b; size_t s; __sanitizer_finish_switch_fiber(fake, &b, &s);
        if (&from != &main_fiber && !asan_base) { asan_base = b; asan_size = s; }
#endif
    }
#if EMU_ASAN
    const void *asan_base = nullptr; size_t asan_size = 0;
#endif
    static Engine &get() { static thread_local Engine e; return e; }
    static void entry() {
        Engine &e = get();
#if EMU_ASAN
        const void *b; size_t s; __sanitizer_finish_switch_fiber(nullptr, &b, &s);
        if (!e.asan_base) { e.asan_base = b; e.asan_size = s; }
#endif
        for (;;) { // one fiber runs thread after thread until one of them has to wait
            while (e.next < e.n) {
                e.cur->thread = e.perm[e.next++];
                e.cur->state = RUNNING;
                e.cur->simd_epoch = 0;
                e.in_kernel = true;
                e.body(e.env);
                e.in_kernel = false;
                ++e.finished;
            }
            e.cur->state = IDLE;
            e.swap(*e.cur, e.main_fiber);
        }
    }
    void make(Fiber &f) {
        f.stack.reset(new char[Fiber::STACK]);
#if defined(__x86_64__)
        auto top = (reinterpret_cast<uintptr_t>(f.stack.get()) + Fiber::STACK) & ~uintptr_t(15);
        auto *s = reinterpret_cast<void **>(top);
        *--s = nullptr; // keeps the ABI's alignment at entry
        *--s = reinterpret_cast<void *>(&Engine::entry);
        for (int i = 0; i < 6; ++i) *--s = nullptr;
        f.sp = s;
#else
        getcontext(&f.ctx);
        f.ctx.uc_stack.ss_sp = f.stack.get();
        f.ctx.uc_stack.ss_size = Fiber::STACK;
        f.ctx.uc_link = nullptr;
        makecontext(&f.ctx, &Engine::entry, 0);
#endif
    }
    void resume(Fiber &f) { cur = &f; swap(main_fiber, f); cur = nullptr; }
    void wait(State why, int site) {
        Fiber &f = *cur;
        in_kernel = false;
        f.state = why;
        f.site = site;
        swap(f, main_fiber);
        if (why == AT_SIMD) ++f.simd_epoch;
        in_kernel = true;
    }
    void run_group() {
        n = uint32_t(group_dim.count()); next = finished = 0;
        perm.resize(n);
        for (uint32_t i = 0; i < n; ++i) perm[i] = order == REVERSE ? n - 1 - i : i;
        if (order == SHUFFLE) std::shuffle(perm.begin(), perm.end(), rng);
        const uint32_t n_simd = (n + simd_width - 1) / simd_width;
        for (int k = 0; k < 2; ++k) { slots[k].resize(n); active[k].assign(n_simd, 0); }
        phase.assign(n, 0);
        std::vector<Fiber *> waiting;
        while (finished < n) {
            if (next < n) { // start threads, each new fiber takes as many as it can
                Fiber *f = nullptr;
                for (auto &p : fibers) if (p->state == IDLE) { f = p.get(); break; }
                if (!f) { fibers.emplace_back(new Fiber); f = fibers.back().get(); make(*f); }
                resume(*f);
                if (f->state != IDLE) waiting.push_back(f);
                continue;
            }
            std::vector<Fiber *> go;
            for (uint32_t w = 0; w < n_simd; ++w) { // SIMD groups whose every waiting lane is at a SIMD function
                std::vector<Fiber *> lanes; bool other = false;
                for (Fiber *f : waiting) if (f->thread / simd_width == w) { if (f->state == AT_SIMD) lanes.push_back(f); else other = true; }
                if (lanes.empty()) continue;
                if (other) die("SIMD function called by some lanes while others wait at a threadgroup barrier");
                uint64_t mask = 0;
                for (Fiber *f : lanes) { mask |= 1ull << (f->thread % simd_width); if (f->site != lanes[0]->site) die("lanes of one SIMD group are at different SIMD functions"); }
                for (Fiber *f : lanes) active[phase[f->thread]][w] = mask;
                go.insert(go.end(), lanes.begin(), lanes.end());
            }
            if (go.empty()) {
                if (waiting.empty()) die("no thread can go on");
                if (finished) die("threadgroup barrier not reached by every thread");
                for (Fiber *f : waiting) if (f->site != waiting[0]->site) die("threads wait at different threadgroup barriers");
                go = waiting; ++barriers;
            }
            if (order == SHUFFLE) std::shuffle(go.begin(), go.end(), rng);
            if (order == REVERSE) std::reverse(go.begin(), go.end());
            for (Fiber *f : go) { f->state = RUNNING; resume(*f); }
            waiting.erase(std::remove_if(waiting.begin(), waiting.end(), [](Fiber *f) { return f->state == IDLE; }), waiting.end());
        }
    }
    Dim thread_pos() const {
        uint32_t t = cur->thread;
        return {t % group_dim.x, t / group_dim.x % group_dim.y, t / group_dim.x / group_dim.y};
    }
};

// Values of the lanes of this thread's SIMD group, after all active ones have given theirs.
template <class T> struct Lanes {
    const Engine::Slot *base; uint64_t mask; uint32_t lane, width;
    bool has(uint32_t l) const { return l < width && (mask >> l & 1); }
    T at(uint32_t l) const { T v; std::memcpy(&v, base[l].b, sizeof v); return v; }
};
template <class T> Lanes<T> exchange(const T &v, int line) {
    static_assert(sizeof(T) <= 16 && std::is_trivially_copyable<T>::value, "too large for a SIMD exchange");
    Engine &e = Engine::get();
    e.in_kernel = false;
    const uint32_t t = e.cur->thread, ph = e.phase[t];
    std::memcpy(e.slots[ph][t].b, &v, sizeof v);
    e.wait(AT_SIMD, line);
    Lanes<T> r{&e.slots[ph][t - t % e.simd_width], e.active[ph][t / e.simd_width], t % e.simd_width, e.simd_width};
    e.in_kernel = false;
    e.phase[t] = uint8_t(ph ^ 1);
    e.in_kernel = true;
    return r;
}
template <class T, class F> T reduce(const T &v, F f, int line) {
    auto l = exchange(v, line); bool first = true; T acc{};
    for (uint32_t i = 0; i < l.width; ++i) if (l.has(i)) { acc = first ? l.at(i) : f(acc, l.at(i)); first = false; }
    return acc;
}
template <class T> T from_lane(const T &v, uint32_t src, bool ok, int line) {
    auto l = exchange(v, line);
    return ok && l.has(src) ? l.at(src) : v; // an absent lane: undefined on hardware
}
inline void group_barrier(int line) { Engine::get().wait(AT_GROUP, line); }
inline void *group_memory() { return Engine::get().shared[0].data(); }
inline uint32_t lane() { Engine &e = Engine::get(); return e.cur->thread % e.simd_width; }

template <class T, class F> EMU_PLAIN T atomic_rmw(T *p, F f) {
    race_access(p, sizeof *p, true, true);
    T old, neu;
    __atomic_load(p, &old, __ATOMIC_RELAXED);
    do { neu = f(old); } while (!__atomic_compare_exchange(p, &old, &neu, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return old;
}
template <class F> void run_grid(const char *name, Dim groups, Dim group_dim, Dim threads, F body) {
    Engine &e = Engine::get();
    race_reset();
    e.name = name; e.grid_groups = groups; e.grid_threads = threads; e.full_dim = group_dim; e.env = &body;
    e.body = [](void *p) { (*static_cast<F *>(p))(); };
    for (uint32_t z = 0; z < groups.z; ++z) for (uint32_t y = 0; y < groups.y; ++y) for (uint32_t x = 0; x < groups.x; ++x) {
        e.group_id = {e.order == REVERSE ? groups.x - 1 - x : x, y, z};
        e.group_dim = {std::min(group_dim.x, threads.x - e.group_id.x * group_dim.x), std::min(group_dim.y, threads.y - y * group_dim.y), std::min(group_dim.z, threads.z - z * group_dim.z)};
        for (auto &s : e.shared) std::memset(static_cast<void *>(s.data()), 0xff, s.size() * sizeof(Word)); // NaN: reads before a write show
        e.run_group();
    }
}
} // namespace emu
