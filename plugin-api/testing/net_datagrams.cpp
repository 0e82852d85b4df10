// SPDX-License-Identifier: MIT
// The sockets of an actor under test, and the host's interface for them. In the test's thread.
#include <coppice/testing/net_datagrams.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace coppice::testing {

namespace detail {

namespace {

/// Whether the datagram may be sent by this socket at all.
bool may_leave(const coppice_udp_datagram& one, std::uint32_t number, const datagram_place& at) {
  return one.socket == number && (one.data != nullptr || one.size == 0) && one.size <= datagrams::largest &&
         one.peer.family == at.address.family && one.peer.port != 0 &&
         (one.local.family == 0 || one.local.family == at.address.family);
}
std::int32_t send_datagrams(coppice_actor* self, const coppice_udp_datagram* all, std::uint64_t count,
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
std::int32_t join_group(coppice_actor* self, std::uint32_t number, const coppice_udp_address* group,
                        coppice_bytes interface) {
  return change_group(self, number, group, interface, COPPICE_UDP_HOST_DRAFT_2 "'s join",
                      [](std::vector<joined_group>& all, const joined_group& which) {
                        if (std::ranges::find(all, which) != all.end()) return false;
                        all.push_back(which);
                        return true;
                      });
}
std::int32_t leave_group(coppice_actor* self, std::uint32_t number, const coppice_udp_address* group,
                         coppice_bytes interface) {
  return change_group(
      self, number, group, interface, COPPICE_UDP_HOST_DRAFT_2 "'s leave",
      [](std::vector<joined_group>& all, const joined_group& which) { return std::erase(all, which) != 0; });
}
std::int32_t address_of_place(coppice_actor* self, std::uint32_t number, coppice_udp_address* out) {
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  datagram_place* at = nullptr;
  const std::int32_t status = place_of(self, number, COPPICE_UDP_HOST_DRAFT_2 "'s address", at);
  if (status == COPPICE_OK) *out = at->address;
  return status;
}

} // namespace

datagrams::datagrams(world& of) : world_(&of), how_(of.udp), on_(callbacks_of(of)) {
  if (on_.size == 0) return;
  for (const std::string& one : how_.listen) {
    places_.emplace_back().address = read_address(one);
    if (places_.back().address.port == 0) throw failure("a socket in a test has a port: " + one);
  }
  if (how_.batch == 0 || how_.max_datagram == 0 || how_.max_datagram > largest)
    throw failure("a batch has one datagram at least, and max_datagram is 1 to 65507");
}

std::shared_ptr<datagrams> datagrams::shared_of(world& w) {
  return std::static_pointer_cast<datagrams>(of(w).shared_from_this());
}

void datagrams::settle() const {
  if (world_ != nullptr) world_->go_on();
}

void datagrams::bring(datagram_place& at, const arriving_datagram& what) {
  if (world_ != nullptr) wall_ = wall_time(*world_);
  if (what.bytes.size() > largest) throw failure("UDP carries no more than 65507 bytes");
  datagram_place::arrived one{what.bytes, read_address(what.from), local_of(at, what.to), wall_};
  if (one.peer.family != at.address.family || one.local.family != at.address.family)
    throw failure("IPv4 and IPv6 do not meet: " + what.from);
  at.waiting.push_back(std::move(one));
}

std::optional<engine::call> datagrams::next(world&) {
  for (std::size_t tried = 0; tried < places_.size(); ++tried, ++turn_) {
    const auto number = static_cast<std::uint32_t>(turn_ % places_.size());
    if (auto due = next_of(number, places_[number])) return due;
  }
  return std::nullopt;
}

void datagrams::carried_to(world* next) {
  world_ = next;
  if (next != nullptr) on_ = callbacks_of(*next);
}

coppice_udp datagrams::callbacks_of(const world& w) {
  return table_of<coppice_udp>(*w.type, COPPICE_UDP_DRAFT_2);
}

coppice_udp_address datagrams::local_of(const datagram_place& at, const std::string& written) {
  if (!written.empty()) return read_address(written);
  if (!is_any(at.address)) return at.address;
  const std::string port = std::to_string(at.address.port);
  return read_address((at.address.family == 6 ? "[::1]:" : "127.0.0.1:") + port);
}

std::optional<engine::call> datagrams::next_of(std::uint32_t number, datagram_place& at) {
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

std::shared_ptr<std::vector<datagram_place::arrived>> datagrams::take_batch(datagram_place& at) const {
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

std::int32_t datagrams::give(std::uint32_t number, const std::vector<datagram_place::arrived>& batch,
                             coppice_actor* self, void* state) const {
  if (on_.on_datagrams == nullptr) return COPPICE_OK;
  std::vector<coppice_udp_datagram> lent;
  for (const auto& one : batch)
    lent.push_back({reinterpret_cast<const std::uint8_t*>(one.bytes.data()), one.bytes.size(), one.peer,
                    one.local, one.when, number, 0});
  return on_.on_datagrams(self, state, lent.data(), lent.size());
}

std::int32_t place_of(coppice_actor* self, std::uint32_t number, const char* function, datagram_place*& out) {
  if (const std::int32_t status = may_call(self, function); status != COPPICE_OK) return status;
  out = datagrams::of(*of(self)).find(number);
  return found(out != nullptr);
}

const coppice_udp_api* datagram_interface() {
  static constexpr coppice_udp_api table = {.size = sizeof(coppice_udp_api),
                                            .reserved = 0,
                                            .send = &send_datagrams,
                                            .join = &join_group,
                                            .leave = &leave_group,
                                            .address = &address_of_place};
  return &table;
}

} // namespace detail
} // namespace coppice::testing
