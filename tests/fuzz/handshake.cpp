// SPDX-License-Identifier: MIT
// Whatever a peer sends during the handshake, in any pieces, the handshake ends in an error or in success. It
// never reads out of bounds, loops, or sends without bound. The first byte chooses the side and the size of
// the pieces.
// rooms: dist
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "dist/flags.hpp"
#include "dist/handshake.hpp"

namespace {

using namespace coppice;

class any_peer : public dist::handshake_policy {
 public:
  explicit any_peer(std::uint8_t choice) : choice_(choice) {}
  dist::handshake_message::verdict admit(std::string_view) override {
    return static_cast<dist::handshake_message::verdict>(choice_ % 5);
  }
  std::string cookie_for(std::string_view) override { return "secret"; }
  base::result<dist::assigned_name> name_for(std::string_view host) override {
    return dist::assigned_name{"x@" + std::string(host), 4};
  }

 private:
  std::uint8_t choice_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  any_peer policy(static_cast<std::uint8_t>(data[0] >> 1 & 7));
  const dist::local_node us{"b@127.0.0.1", dist::flag::offered, 1000};
  auto machine = (data[0] & 1) ? dist::handshake::connecting(us, "b@127.0.0.1", policy)
                               : dist::handshake::accepting(us, policy);
  const std::size_t step = 1 + (data[0] >> 4) * 16u;
  std::span<const std::uint8_t> all(data + 1, size - 1);
  std::size_t begin = 0;
  for (std::size_t end = 0; end < all.size();) {
    end = std::min(all.size(), end + step);
    const auto used = machine.feed(all.subspan(begin, end - begin));
    if (!used || machine.done()) break;
    begin += *used;
    if (machine.output().size() > dist::handshake::max_total) __builtin_trap();
  }
  if (machine.closed().text.empty() || machine.timed_out().text.empty()) __builtin_trap();
  return 0;
}
