// SPDX-License-Identifier: MIT
// kv with another layout of its saved state: LAYOUT 1 is pairs, as the bundled kv has them; LAYOUT 2 is all
// keys and then all values. Each version reads both layouts, so that a reload can go in either direction.
// rooms: plugins
#include <coppice/server.hpp>

#pragma push_macro("COPPICE_PLUGIN")
#undef COPPICE_PLUGIN
#define COPPICE_PLUGIN(...) static_assert(true)
#include "../../../plugins/kv/kv.cpp"
#pragma pop_macro("COPPICE_PLUGIN")

namespace kv {

class layout_server : public kv_server {
 public:
  static constexpr std::uint32_t state_version = LAYOUT;

  using pairs = std::vector<std::pair<term, term>>;
  using columns = std::pair<std::vector<term>, std::vector<term>>;

#if LAYOUT == 2
  columns save_state() const {
    columns out;
    for (const auto& [key, value] : kv_server::save_state()) {
      out.first.push_back(key);
      out.second.push_back(value);
    }
    return out;
  }
#endif

  void restore_state(coppice::version<1>, const pairs& saved) {
    kv_server::restore_state(saved);
  }
  bool restore_state(coppice::version<2>, const columns& saved) {
    if (saved.first.size() != saved.second.size()) return false;
    pairs rows;
    for (std::size_t i = 0; i < saved.first.size(); ++i) rows.emplace_back(saved.first[i], saved.second[i]);
    kv_server::restore_state(rows);
    return true;
  }
};

} // namespace kv

#if LAYOUT == 2
COPPICE_PLUGIN("kv", "2.0.0", kv::layout_server);
#else
COPPICE_PLUGIN("kv", "1.1.0", kv::layout_server);
#endif
