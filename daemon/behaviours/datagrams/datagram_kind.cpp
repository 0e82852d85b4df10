// SPDX-License-Identifier: MIT
// See datagram_kind.hpp.
#include "behaviours/datagrams/datagram_kind.hpp"

#include <utility>

#include "behaviours/datagrams/datagram_sockets.hpp"
#include "behaviours/gen/stream_taker.hpp"
#include "behaviours/supervision/supervision.hpp"

namespace coppice::behaviours {
namespace {

class datagram_actors final : public equipped_actor {
 public:
  explicit datagram_actors(std::shared_ptr<const datagram_spec> what) : what_(std::move(what)) {}

 private:
  std::string_view gives() const override { return "datagrams"; }
  bool equip(stream_taker& actor, const child_start& of) const override {
    using sockets_ptr = std::shared_ptr<datagram_sockets>;
    if (std::any_cast<sockets_ptr>(&of.kept) == nullptr) {
      const engine_resources& given = of.shared->resources;
      of.kept = std::make_shared<datagram_sockets>(what_, of.label, given.find<metrics::board>(),
                                                   given.find<net::socket_store>());
    }
    return actor.begin_with(std::any_cast<sockets_ptr>(of.kept));
  }

  const std::shared_ptr<const datagram_spec> what_;
};

} // namespace

std::shared_ptr<const child_kind> datagram_kind(std::shared_ptr<const datagram_spec> what) {
  return std::make_shared<const datagram_actors>(std::move(what));
}

} // namespace coppice::behaviours
