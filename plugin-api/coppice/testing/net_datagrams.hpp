// SPDX-License-Identifier: MIT
// "coppice.udp_host/draft-2" for tests: an actor's UDP sockets, datagrams that wait in them or have left, and
// the order of callbacks. Does what the node does in daemon/behaviours/datagrams, without sockets, for a
// kernel that always has room for incoming datagrams. A program that includes this has the interface; without
// it a plugin gets NULL, as on an older host. In the test's thread.
#pragma once

#include <coppice/detail/behaviours.h>
#include <coppice/draft/udp.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coppice/testing/calls.hpp>
#include <coppice/testing/host.hpp>
#include <coppice/testing/net_address.hpp>

namespace coppice::testing {

/// A datagram on its way to the actor.
struct arriving_datagram {
  std::string bytes;
  std::string from = "127.0.0.1:40000"; ///< port 0 is possible too, since a sender can forge it
  /// The actor's address it was sent to; empty: the socket's, or the loopback address if the socket takes
  /// any.
  std::string to = {};
};
/// A datagram that the actor has sent.
struct sent_datagram {
  std::string bytes;
  std::string to;
  std::string from;         ///< empty: the route decides
  std::uint32_t socket = 0; ///< the socket's number
};
/// A group that a socket has joined.
struct joined_group {
  std::string address;   ///< without a port
  std::string interface; ///< empty: the interface of the route
  bool operator==(const joined_group&) const = default;
};

namespace detail {

struct datagram_place {
  struct arrived {
    std::string bytes;
    coppice_udp_address peer{}, local{};
    std::int64_t when = 0;
  };
  struct error {
    coppice_udp_address peer{}; ///< family 0: unknown
    std::int32_t number = 0;
  };
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  coppice_udp_address address{};
  std::deque<arrived> waiting;
  std::deque<error> errors;
  std::size_t room = unlimited; ///< datagrams that it accepts now
  bool refused = false;         ///< a send was refused: on_writable follows
  std::vector<joined_group> groups;
  bool refuses_groups = false;
  std::size_t too_long = 0;
};

/// Takes the elements that meet the condition, in order; the others stay.
template <class Condition>
std::vector<sent_datagram> taken_from(std::vector<sent_datagram>& all, Condition meets) {
  std::vector<sent_datagram> out, rest;
  for (sent_datagram& one : all) (meets(one) ? out : rest).push_back(std::move(one));
  all = std::move(rest);
  return out;
}

class datagrams final : public engine {
 public:
  static constexpr std::string_view interface_name = COPPICE_UDP_HOST_DRAFT_2;
  static constexpr std::size_t largest = 65507;

  /// An actor that has no callbacks for datagrams has no sockets.
  explicit datagrams(world& of);
  static datagrams& of(world& w) { return engine_of<datagrams>(w); }
  static std::shared_ptr<datagrams> shared_of(world& w);

  /// Null: there is no such socket.
  datagram_place* find(std::uint32_t number) { return number < places_.size() ? &places_[number] : nullptr; }
  /// Datagrams that have left and that no test has taken yet.
  std::vector<sent_datagram>& left() { return left_; }
  /// Runs the actor, if there is one, until it has nothing more to do.
  void settle() const;

  void bring(datagram_place& at, const arriving_datagram& what);

  std::optional<call> next(world&) override;
  nanoseconds due() const override { return nanoseconds::max(); }
  void carried_to(world* next) override;
  bool is_of(const world& w) const override { return world_ == &w; }
  /// The sockets stay, with the datagrams in them: the actor that the supervisor starts next gets them.
  void ended(bool) override {}

 private:
  static coppice_udp callbacks_of(const world& w);
  static coppice_udp_address local_of(const datagram_place& at, const std::string& written);

  // Errors first, then room, then a batch; then the next socket has its turn.
  std::optional<call> next_of(std::uint32_t number, datagram_place& at);
  // The datagrams that are read together, without those that are too long.
  std::shared_ptr<std::vector<datagram_place::arrived>> take_batch(datagram_place& at) const;
  std::int32_t give(std::uint32_t number, const std::vector<datagram_place::arrived>& batch,
                    coppice_actor* self, void* state) const;

  world* world_;          // null: between two generations
  std::int64_t wall_ = 0; // time of the last arrival
  udp_options how_;
  coppice_udp on_;
  std::deque<datagram_place> places_;
  std::vector<sent_datagram> left_;
  std::size_t turn_ = 0; // modulo the number of sockets: the socket to look at first
};

// ---- the interface ----

/// COPPICE_OK and an existing socket, or an error.
std::int32_t place_of(coppice_actor* self, std::uint32_t number, const char* function, datagram_place*& out);

/// Changes the groups of an existing socket.
template <class Change>
std::int32_t change_group(coppice_actor* self, std::uint32_t number, const coppice_udp_address* group,
                          coppice_bytes interface, const char* function, Change change) {
  datagram_place* at = nullptr;
  if (const std::int32_t status = place_of(self, number, function, at); status != COPPICE_OK) return status;
  if (group == nullptr || group->family != at->address.family || !is_group(*group) ||
      (interface.data == nullptr && interface.size != 0))
    return COPPICE_E_INVALID;
  const joined_group which{host_of(*group), text_of(interface)};
  if (!at->refuses_groups && change(at->groups, which)) return COPPICE_OK;
  of(self)->error_text = "the system refuses " + which.address;
  return COPPICE_E_REFUSED;
}

const coppice_udp_api* datagram_interface();
inline const bool datagram_interface_is_known =
    more_interfaces().emplace(COPPICE_UDP_HOST_DRAFT_2, datagram_interface()).second;

} // namespace detail
} // namespace coppice::testing
