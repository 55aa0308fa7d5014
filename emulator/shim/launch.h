// What a launch hands over, and the table of kernels that a unit ends with.
#pragma once
#include "gpu_emu.h"
namespace emu {
struct Launch {
    const void *const *buffers;
    size_t count;
    size_t shared; // bytes that a group shares
    Dim groups, group, threads;
    int order;
};
struct Entry {
    const char *name;
    void (*run)(const Launch *);
    size_t buffers;
};
inline int launch(const std::vector<Entry> &table, const char *name, const Launch *l) {
    for (auto &e : table) {
        if (!std::strcmp(e.name, name)) {
            if (e.buffers != l->count) {
                return 2;
            }
            Engine &engine = Engine::get();
            engine.order = static_cast<Order>(l->order);
            // Of exactly this size, or what lies beyond it would not show.
            engine.shared.clear();
            engine.shared.shrink_to_fit();
            engine.shared.emplace_back((l->shared + sizeof(Word) - 1) / sizeof(Word));
            e.run(l);
            return 0;
        }
    }
    return 1;
}
} // namespace emu
#define EMU_TABLE(fn) extern "C" int fn(const char *name, const emu::Launch *l) { static const std::vector<emu::Entry> t = {
#define EMU_TABLE_END }; return emu::launch(t, name, l); }
