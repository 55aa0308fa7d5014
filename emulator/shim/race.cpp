// Data races inside one launch. Kernel files are compiled with -fsanitize=thread but linked with these
// functions instead of the TSan runtime: each access is checked against the last ones to the same word.
#include "gpu_emu.h"
#include <link.h>
#include <unordered_map>
namespace emu {
namespace {
struct Access { uint32_t group = ~0u, thread = 0, simd_epoch = 0; uint64_t epoch = 0; bool atomic = false; };
struct Cell { Access write, read[2]; };
thread_local std::unordered_map<uintptr_t, Cell> cells;
thread_local uintptr_t tls_lo = 0, tls_hi = 0; // threadgroup arrays declared in a kernel live here

bool ordered(const Engine &e, const Access &was, const Access &now) {
    if (was.group == ~0u || (was.atomic && now.atomic)) return true;
    if (was.group != now.group) return false;           // nothing orders threadgroups within a launch
    if (was.thread == now.thread || was.epoch != now.epoch) return true;
    return was.thread / e.simd_width == now.thread / e.simd_width && was.simd_epoch < now.simd_epoch;
}
} // namespace
void race_reset() {
    cells.clear();
    if (!tls_hi) dl_iterate_phdr([](dl_phdr_info *i, size_t, void *) {
        for (int k = 0; k < i->dlpi_phnum; ++k) if (i->dlpi_phdr[k].p_type == PT_TLS && i->dlpi_tls_data) {
            tls_lo = uintptr_t(i->dlpi_tls_data); tls_hi = tls_lo + i->dlpi_phdr[k].p_memsz;
        }
        return tls_hi ? 1 : 0;
    }, nullptr);
}
void race_access(const void *p, size_t n, bool write, bool atomic) {
    Engine &e = Engine::get();
    if (!e.in_kernel || !e.cur || (uintptr_t(p) >= uintptr_t(&e) && uintptr_t(p) < uintptr_t(&e + 1))) return;
    e.in_kernel = false;
    const auto a = uintptr_t(p), stack = uintptr_t(e.cur->stack.get());
    if (a < stack || a >= stack + Fiber::STACK) {
        bool local = a >= tls_lo && a < tls_hi; // memory of the threadgroup: reused by the next one
        for (auto &s : e.shared) local |= a >= uintptr_t(s.data()) && a < uintptr_t(s.data()) + s.size() * sizeof(Word);
        const uint32_t group = e.group_id.x + e.grid_groups.x * (e.group_id.y + e.grid_groups.y * e.group_id.z);
        const Access now{group, e.cur->thread, e.cur->simd_epoch, e.barriers, atomic};
        for (uintptr_t w = a / 4; w <= (a + n - 1) / 4; ++w) {
            Cell &c = cells[w];
            if (local && c.write.group != group) c.write.group = ~0u;
            if (local) for (auto &r : c.read) if (r.group != group) r.group = ~0u;
            bool ok = ordered(e, c.write, now);
            if (write) for (auto &r : c.read) ok = ok && ordered(e, r, now);
            if (!ok) {
                std::fprintf(stderr, "gpu_emu: kernel %s: race: thread %u of group %u %s a word of %s memory that thread %u of group %u %s with no barrier between\n",
                    e.name, now.thread, group, write ? "writes" : "reads", local ? "threadgroup" : "device",
                    ordered(e, c.write, now) ? c.read[0].thread : c.write.thread, ordered(e, c.write, now) ? c.read[0].group : c.write.group,
                    ordered(e, c.write, now) ? "read" : "wrote");
                std::abort();
            }
            if (write) c.write = now;
            else { if (c.read[0].thread != now.thread || c.read[0].group != now.group) c.read[1] = c.read[0]; c.read[0] = now; }
        }
    }
    e.in_kernel = true;
}
} // namespace emu
#define ACC(n) \
    extern "C" void __tsan_read##n(void *p) { emu::race_access(p, n, false, false); } \
    extern "C" void __tsan_write##n(void *p) { emu::race_access(p, n, true, false); } \
    extern "C" void __tsan_unaligned_read##n(void *p) { emu::race_access(p, n, false, false); } \
    extern "C" void __tsan_unaligned_write##n(void *p) { emu::race_access(p, n, true, false); }
ACC(1) ACC(2) ACC(4) ACC(8) ACC(16)
extern "C" void __tsan_init() {}
extern "C" unsigned char __tsan_atomic8_load(const volatile unsigned char *p, int) { return *p; } // guards of static locals
extern "C" void __tsan_func_entry(void *) {}
extern "C" void __tsan_func_exit() {}
extern "C" void __tsan_vptr_update(void **, void *) {}
extern "C" void __tsan_read_range(void *p, long n) { emu::race_access(p, size_t(n), false, false); }
extern "C" void __tsan_write_range(void *p, long n) { emu::race_access(p, size_t(n), true, false); }
extern "C" void *__tsan_memcpy(void *d, const void *s, size_t n) { emu::race_access(s, n, false, false); emu::race_access(d, n, true, false); return std::memcpy(d, s, n); }
extern "C" void *__tsan_memset(void *d, int c, size_t n) { emu::race_access(d, n, true, false); return std::memset(d, c, n); }
extern "C" void *__tsan_memmove(void *d, const void *s, size_t n) { emu::race_access(s, n, false, false); emu::race_access(d, n, true, false); return std::memmove(d, s, n); }
