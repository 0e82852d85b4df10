// SPDX-License-Identifier: MIT
// "coppice.udp_host/draft-2" for tests: an actor's UDP sockets, datagrams that wait in them or have left, and
// the order of callbacks. Does what the node does in daemon/behaviours/datagrams, without sockets, for a
// kernel that always has room for incoming datagrams. A program that includes this has the interface; without
// it a plugin gets NULL, as on an older host. Header-only. In the test's thread.
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
  explicit datagrams(world& of) : world_(&of), how_(of.udp), on_(callbacks_of(of)) {
    if (on_.size == 0) return;
    for (const std::string& one : how_.listen) {
      places_.emplace_back().address = read_address(one);
      if (places_.back().address.port == 0) throw failure("a socket in a test has a port: " + one);
    }
    if (how_.batch == 0 || how_.max_datagram == 0 || how_.max_datagram > largest)
      throw failure("a batch has one datagram at least, and max_datagram is 1 to 65507");
  }
  static datagrams& of(world& w) { return engine_of<datagrams>(w); }
  static std::shared_ptr<datagrams> shared_of(world& w) {
    return std::static_pointer_cast<datagrams>(of(w).shared_from_this());
  }

  /// Null: there is no such socket.
  datagram_place* find(std::uint32_t number) { return number < places_.size() ? &places_[number] : nullptr; }
  /// Datagrams that have left and that no test has taken yet.
  std::vector<sent_datagram>& left() { return left_; }
  /// Runs the actor, if there is one, until it has nothing more to do.
  void settle() const {
    if (world_ != nullptr) world_->go_on();
  }

  void bring(datagram_place& at, const arriving_datagram& what) {
    if (world_ != nullptr) wall_ = wall_time(*world_);
    if (what.bytes.size() > largest) throw failure("UDP carries no more than 65507 bytes");
    datagram_place::arrived one{what.bytes, read_address(what.from), local_of(at, what.to), wall_};
    if (one.peer.family != at.address.family || one.local.family != at.address.family)
      throw failure("IPv4 and IPv6 do not meet: " + what.from);
    at.waiting.push_back(std::move(one));
  }

  std::optional<call> next(world&) override {
    for (std::size_t tried = 0; tried < places_.size(); ++tried, ++turn_) {
      const auto number = static_cast<std::uint32_t>(turn_ % places_.size());
      if (auto due = next_of(number, places_[number])) return due;
    }
    return std::nullopt;
  }
  nanoseconds due() const override { return nanoseconds::max(); }
  void carried_to(world* next) override {
    world_ = next;
    if (next != nullptr) on_ = callbacks_of(*next);
  }
  bool is_of(const world& w) const override { return world_ == &w; }
  /// The sockets stay, with the datagrams in them: the actor that the supervisor starts next gets them.
  void ended(bool) override {}

 private:
  static coppice_udp callbacks_of(const world& w) {
    return table_of<coppice_udp>(*w.type, COPPICE_UDP_DRAFT_2);
  }
  static coppice_udp_address local_of(const datagram_place& at, const std::string& written) {
    if (!written.empty()) return read_address(written);
    if (!is_any(at.address)) return at.address;
    const std::string port = std::to_string(at.address.port);
    return read_address((at.address.family == 6 ? "[::1]:" : "127.0.0.1:") + port);
  }

  // Errors first, then room, then a batch; then the next socket has its turn.
  std::optional<call> next_of(std::uint32_t number, datagram_place& at) {
    if (!at.errors.empty()) {
      const datagram_place::error one = at.errors.front();
      at.errors.pop_front();
      return call{"on_error", [this, number, one](coppice_actor* self, void* state) {
                    return on_.on_error == nullptr ? COPPICE_OK
                                                   : on_.on_error(self, state, number, &one.peer, one.number);
                  }};
    }
    if (at.refused && at.room != 0) {
      at.refused = false;
      return call{"on_writable", [this, number](coppice_actor* self, void* state) {
                    return on_.on_writable == nullptr ? COPPICE_OK : on_.on_writable(self, state, number);
                  }};
    }
    while (!at.waiting.empty())
      if (auto batch = take_batch(at); !batch->empty()) {
        ++turn_;
        return call{"on_datagrams", [this, number, batch](coppice_actor* self, void* state) {
                      return give(number, *batch, self, state);
                    }};
      }
    return std::nullopt;
  }
  // Of the datagrams that are read together, those that are not too long.
  std::shared_ptr<std::vector<datagram_place::arrived>> take_batch(datagram_place& at) const {
    auto batch = std::make_shared<std::vector<datagram_place::arrived>>();
    for (std::size_t left = how_.batch; left != 0 && !at.waiting.empty(); --left) {
      if (at.waiting.front().bytes.size() > how_.max_datagram)
        ++at.too_long;
      else
        batch->push_back(std::move(at.waiting.front()));
      at.waiting.pop_front();
    }
    return batch;
  }
  std::int32_t give(std::uint32_t number, const std::vector<datagram_place::arrived>& batch,
                    coppice_actor* self, void* state) const {
    if (on_.on_datagrams == nullptr) return COPPICE_OK;
    std::vector<coppice_udp_datagram> lent;
    for (const auto& one : batch)
      lent.push_back({reinterpret_cast<const std::uint8_t*>(one.bytes.data()), one.bytes.size(), one.peer,
                      one.local, one.when, number, 0});
    return on_.on_datagrams(self, state, lent.data(), lent.size());
  }

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
inline std::int32_t place_of(coppice_actor* self, std::uint32_t number, const char* function,
                             datagram_place*& out) {
  if (const std::int32_t status = may_call(self, function); status != COPPICE_OK) return status;
  out = datagrams::of(*of(self)).find(number);
  return found(out != nullptr);
}

/// Whether the datagram may be sent by this socket at all.
inline bool may_leave(const coppice_udp_datagram& one, std::uint32_t number, const datagram_place& at) {
  return one.socket == number && (one.data != nullptr || one.size == 0) && one.size <= datagrams::largest &&
         one.peer.family == at.address.family && one.peer.port != 0 &&
         (one.local.family == 0 || one.local.family == at.address.family);
}
inline std::int32_t send_datagrams(coppice_actor* self, const coppice_udp_datagram* all, std::uint64_t count,
                                   std::uint64_t* out_sent) {
  constexpr const char* function = COPPICE_UDP_HOST_DRAFT_2 "'s send";
  if (out_sent == nullptr || (all == nullptr && count != 0)) return COPPICE_E_INVALID;
  *out_sent = 0;
  if (count == 0) return may_call(self, function);
  datagram_place* at = nullptr;
  const std::uint32_t number = all->socket;
  if (const std::int32_t status = place_of(self, number, function, at); status != COPPICE_OK) return status;
  for (; *out_sent < count; ++*out_sent) {
    const coppice_udp_datagram& one = all[*out_sent];
    if (!may_leave(one, number, *at)) return COPPICE_E_INVALID;
    if (at->room == 0) return at->refused = true, COPPICE_E_FULL;
    if (at->room != datagram_place::unlimited) --at->room;
    datagrams::of(*of(self)).left().push_back(
        {text_of({one.data, one.size}), print_address(one.peer), print_address(one.local), number});
  }
  return COPPICE_OK;
}

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
inline std::int32_t join_group(coppice_actor* self, std::uint32_t number, const coppice_udp_address* group,
                               coppice_bytes interface) {
  return change_group(self, number, group, interface, COPPICE_UDP_HOST_DRAFT_2 "'s join",
                      [](std::vector<joined_group>& all, const joined_group& which) {
                        if (std::ranges::find(all, which) != all.end()) return false;
                        all.push_back(which);
                        return true;
                      });
}
inline std::int32_t leave_group(coppice_actor* self, std::uint32_t number, const coppice_udp_address* group,
                                coppice_bytes interface) {
  return change_group(
      self, number, group, interface, COPPICE_UDP_HOST_DRAFT_2 "'s leave",
      [](std::vector<joined_group>& all, const joined_group& which) { return std::erase(all, which) != 0; });
}
inline std::int32_t address_of_place(coppice_actor* self, std::uint32_t number, coppice_udp_address* out) {
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  datagram_place* at = nullptr;
  const std::int32_t status = place_of(self, number, COPPICE_UDP_HOST_DRAFT_2 "'s address", at);
  if (status == COPPICE_OK) *out = at->address;
  return status;
}

inline const coppice_udp_api* datagram_interface() {
  static constexpr coppice_udp_api table = {.size = sizeof(coppice_udp_api),
                                            .reserved = 0,
                                            .send = &send_datagrams,
                                            .join = &join_group,
                                            .leave = &leave_group,
                                            .address = &address_of_place};
  return &table;
}
inline const bool datagram_interface_is_known =
    more_interfaces().emplace(COPPICE_UDP_HOST_DRAFT_2, datagram_interface()).second;

} // namespace detail
} // namespace coppice::testing
