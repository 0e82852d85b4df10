// SPDX-License-Identifier: MIT
// "coppice.udp_host/draft-2" over the actor's UDP sockets. In the process's own turn.
#include <coppice/draft/udp.h>

#include <array>
#include <cstring>

#include "behaviours/datagrams/actor_datagrams.hpp"
#include "host/boundary/datagram_addresses.hpp"
#include "host/boundary/entry.hpp"
#include "host/boundary/flags.hpp"

namespace coppice::host {

coppice_udp_address plain(const base::socket_address& address) {
  coppice_udp_address out{};
  out.port = address.port();
  if (address.is_ipv6()) {
    const auto& from = *reinterpret_cast<const sockaddr_in6*>(address.raw());
    out.family = 6;
    out.scope = from.sin6_scope_id;
    std::memcpy(out.bytes, &from.sin6_addr, sizeof from.sin6_addr);
  } else {
    const auto& from = *reinterpret_cast<const sockaddr_in*>(address.raw());
    out.family = 4;
    std::memcpy(out.bytes, &from.sin_addr, sizeof from.sin_addr);
  }
  return out;
}

std::optional<base::socket_address> address_of(const coppice_udp_address& plain) {
  base::result<base::socket_address> made = base::socket_address();
  if (plain.family == 6) {
    sockaddr_in6 raw{};
    raw.sin6_family = AF_INET6;
    raw.sin6_port = htons(plain.port);
    raw.sin6_scope_id = plain.scope;
    std::memcpy(&raw.sin6_addr, plain.bytes, sizeof raw.sin6_addr);
    made = base::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
  } else if (plain.family == 4) {
    sockaddr_in raw{};
    raw.sin_family = AF_INET;
    raw.sin_port = htons(plain.port);
    std::memcpy(&raw.sin_addr, plain.bytes, sizeof raw.sin_addr);
    made = base::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
  } else {
    return std::nullopt;
  }
  return made ? std::optional(*made) : std::nullopt;
}

namespace {

using behaviours::actor_datagrams;

constexpr std::size_t at_once = 64; // datagrams given to the socket at once

// COPPICE_OK and the sockets, if there is a socket of this number.
std::int32_t find(coppice_actor* self, std::uint32_t number, actor_datagrams*& out) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  out = self->extra == nullptr ? nullptr : self->extra->datagrams.get();
  return out == nullptr || number >= out->size() ? COPPICE_E_NOT_FOUND : COPPICE_OK;
}

bool read(const coppice_udp_datagram& from, std::uint32_t socket, net::outgoing_datagram& out) {
  if (from.socket != socket || (from.data == nullptr && from.size != 0)) return false;
  const auto peer = address_of(from.peer);
  if (!peer || from.size > net::largest_datagram) return false;
  out.bytes = {from.data, static_cast<std::size_t>(from.size)};
  out.peer = *peer;
  out.from = from.local.family == 0 ? std::nullopt : address_of(from.local);
  return from.local.family == 0 || (out.from && out.from->is_ipv6() == peer->is_ipv6());
}

std::int32_t send(coppice_actor* self, const coppice_udp_datagram* all, std::uint64_t count,
                  std::uint64_t* out_sent) {
  if (out_sent == nullptr || (all == nullptr && count != 0)) return COPPICE_E_INVALID;
  *out_sent = 0;
  if (count == 0) return may_call(self);
  actor_datagrams* of = nullptr;
  const std::uint32_t number = all->socket;
  if (const std::int32_t status = find(self, number, of); status != COPPICE_OK) return status;
  const bool is_ipv6 = of->socket(number).address().is_ipv6();
  std::array<net::outgoing_datagram, at_once> some;
  while (*out_sent < count) {
    std::size_t ready = 0;
    const std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(at_once, count - *out_sent));
    bool good = true;
    while (good && ready < most) {
      good = read(all[*out_sent + ready], number, some[ready]) && some[ready].peer.is_ipv6() == is_ipv6;
      if (good) ++ready;
    }
    const net::send_outcome sent = of->send(number, {some.data(), ready});
    *out_sent += sent.count;
    if (sent.full) return COPPICE_E_FULL;
    if (sent.failed || !good) return COPPICE_E_INVALID;
  }
  return COPPICE_OK;
}

template <base::status (net::datagram_socket::*Change)(const base::socket_address&, const std::string&)>
std::int32_t change(coppice_actor* self, std::uint32_t number, const coppice_udp_address* group,
                    coppice_bytes interface) {
  actor_datagrams* of = nullptr;
  if (const std::int32_t status = find(self, number, of); status != COPPICE_OK) return status;
  const auto name = text_of(interface);
  const auto address = group == nullptr ? std::nullopt : address_of(*group);
  if (!name || !address || address->is_ipv6() != of->socket(number).address().is_ipv6() ||
      !address->is_multicast())
    return COPPICE_E_INVALID;
  auto done = (of->socket(number).*Change)(*address, std::string(*name));
  if (done) return COPPICE_OK;
  self->needs_extra().error = {true, COPPICE_E_REFUSED, std::move(done.error().text), {}};
  return COPPICE_E_REFUSED;
}

std::int32_t address(coppice_actor* self, std::uint32_t number, coppice_udp_address* out) {
  if (out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  actor_datagrams* of = nullptr;
  if (const std::int32_t status = find(self, number, of); status != COPPICE_OK) return status;
  *out = plain(of->socket(number).address());
  return COPPICE_OK;
}

} // namespace

const coppice_udp_api* datagram_interface() {
  static const coppice_udp_api table = {
      .size = sizeof(coppice_udp_api),
      .reserved = 0,
      .send = &entry<&send>::call,
      .join = &entry<&change<&net::datagram_socket::join>>::call,
      .leave = &entry<&change<&net::datagram_socket::leave>>::call,
      .address = &entry<&address>::call,
  };
  return &table;
}

} // namespace coppice::host
