// SPDX-License-Identifier: MIT
// exhibit: shows its state slowly, or a long state. call {show, Milliseconds, Entries} -> ok: from now on its
// format_status takes that long and returns a list of that many integers; call shown -> number of calls of
// format_status.
#include <coppice/server.hpp>

#include <chrono>

namespace exhibit {

namespace etf = coppice::etf;

struct show {
  std::int64_t milliseconds, entries;
};
using shown = etf::constant<"shown">;

class exhibit_server : public coppice::server {
 public:
  using calls = std::variant<show, shown>;

  etf::constant<"ok"> handle_call(const show& request) { return how_ = request, etf::constant<"ok">(); }
  std::int64_t handle_call(const shown&) { return times_; }

  std::vector<std::int64_t> format_status() const {
    ++times_;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(how_.milliseconds);
    while (std::chrono::steady_clock::now() < until) {
    }
    return std::vector<std::int64_t>(static_cast<std::size_t>(how_.entries), 123456789);
  }

 private:
  show how_{0, 0};
  mutable std::int64_t times_ = 0;
};

} // namespace exhibit

COPPICE_PLUGIN("exhibit", "1.0.0", exhibit::exhibit_server);
