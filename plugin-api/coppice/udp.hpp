// SPDX-License-Identifier: MIT
// An actor for datagrams in C++: derive from coppice::udp and write
//
//   void on_datagrams(std::span<const datagram> all)                   datagrams of one socket; or
//   void on_datagram(const datagram& one)                              one by one
//   void on_error(udp_socket at, std::optional<udp_address> to, int number)    a datagram did not arrive
//   void on_writable(udp_socket at)                                    after COPPICE_E_FULL
//
// Each may return coppice::outcome instead of void. The actor has a `udp:` map in the tree. It may also have
// the callbacks of a server: init, handle_call, handle_info, save_state … DRAFT, see coppice/draft/udp.h.
// Header-only.
//
//   class echo : public coppice::udp {
//    public:
//     void on_datagrams(std::span<const coppice::datagram> all) { socket_of(all).send(all); }
//   };
#pragma once

#include <coppice/draft/udp.h>
#include <coppice/stream.hpp>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace coppice {

namespace detail {
inline constinit draft<coppice_udp_api> datagram_api{COPPICE_UDP_HOST_DRAFT_2};
}

/// An IPv4 or IPv6 address with a port. A value.
class udp_address {
 public:
  udp_address() : raw_{} {}
  explicit udp_address(const coppice_udp_address& raw) : raw_(raw) {}
  /// The address a.b.c.d with this port.
  static udp_address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port) {
    coppice_udp_address raw{{a, b, c, d}, port, 4, 0};
    return udp_address(raw);
  }

  /// Whether it is an IPv6 address.
  bool is_v6() const { return raw_.family == 6; }
  /// In host order.
  std::uint16_t port() const { return raw_.port; }
  /// 4 or 16 bytes, in network order.
  bytes address() const { return {raw_.bytes, is_v6() ? 16U : 4U}; }
  /// For the C interface. Borrowed from this object.
  const coppice_udp_address& raw() const { return raw_; }
  friend bool operator==(const udp_address& a, const udp_address& b) {
    return std::memcmp(&a.raw_, &b.raw_, sizeof a.raw_) == 0;
  }

 private:
  coppice_udp_address raw_;
};
static_assert(sizeof(coppice_udp_address) == 24);

/// A received datagram, or one to send. Its bytes are borrowed; those of a received one until the callback
/// returns.
class datagram : private coppice_udp_datagram {
 public:
  /// The route decides the source address.
  datagram(coppice::bytes what, const udp_address& to) : datagram(what, to, udp_address()) {}
  /// `from` is an address of this machine.
  datagram(coppice::bytes what, const udp_address& to, const udp_address& from)
      : coppice_udp_datagram{what.data(), what.size(), to.raw(), from.raw(), 0, 0, 0} {}

  /// The bytes that were received, or are to be sent. Borrowed.
  coppice::bytes bytes() const { return {data, static_cast<std::size_t>(size)}; }
  /// The sender of a received datagram, or the receiver of one to send.
  udp_address peer() const { return udp_address(coppice_udp_datagram::peer); }
  /// The address on this machine. Empty: unknown.
  std::optional<udp_address> local() const {
    if (coppice_udp_datagram::local.family == 0) return std::nullopt;
    return udp_address(coppice_udp_datagram::local);
  }
  /// Wall time since 1970; 0: unknown.
  std::chrono::nanoseconds received() const {
    return std::chrono::nanoseconds(coppice_udp_datagram::received);
  }
  /// An answer to its sender, from the address that it was sent to.
  datagram answer(coppice::bytes what) const {
    datagram out(what, peer(), udp_address(coppice_udp_datagram::local));
    out.socket = socket;
    return out;
  }
  /// For the C interface. Borrowed from this object.
  const coppice_udp_datagram& raw() const { return *this; }
};
static_assert(sizeof(datagram) == sizeof(coppice_udp_datagram));

/// How many datagrams, from the first on, were sent, and why the others were not.
struct datagrams_sent {
  std::int32_t status = COPPICE_OK; // COPPICE_E_FULL, COPPICE_E_INVALID: see coppice/draft/udp.h
  std::size_t count = 0;
};

/// A socket of the actor, by its number in the order of `listen`.
class udp_socket {
 public:
  explicit udp_socket(const actor& of, std::uint32_t number = 0) : self_(of.handle()), number_(number) {}
  udp_socket(coppice_actor* self, std::uint32_t number) : self_(self), number_(number) {}

  /// Its place in `listen`, from 0.
  std::uint32_t number() const { return number_; }

  /// Sends by this socket, whichever socket they were received on.
  datagrams_sent send(std::span<const datagram> all) const {
    datagrams_sent out;
    if (all.empty()) return out;
    std::uint64_t count = 0;
    if (std::all_of(all.begin(), all.end(),
                    [this](const datagram& one) { return one.raw().socket == number_; })) {
      out.status = detail::checked(api().send(self_, &all.front().raw(), all.size(), &count), "send");
      out.count = static_cast<std::size_t>(count);
      return out;
    }
    for (; out.count < all.size() && out.status == COPPICE_OK; out.count += count != 0 ? 1 : 0) {
      coppice_udp_datagram one = all[out.count].raw();
      one.socket = number_;
      out.status = detail::checked(api().send(self_, &one, 1, &count), "send");
    }
    return out;
  }
  std::int32_t send(const datagram& one) const { return send({&one, 1}).status; }
  std::int32_t send(bytes what, const udp_address& to) const { return send(datagram(what, to)); }
  std::int32_t send(std::string_view text, const udp_address& to) const { return send(to_bytes(text), to); }

  /// Joins a multicast group; the port of `group` is ignored.
  std::int32_t join(const udp_address& group, std::string_view interface = {}) const {
    return detail::checked(api().join(self_, number_, &group.raw(), detail::plain(interface)), "join");
  }
  /// Leaves a group that join() has joined.
  std::int32_t leave(const udp_address& group, std::string_view interface = {}) const {
    return detail::checked(api().leave(self_, number_, &group.raw(), detail::plain(interface)), "leave");
  }
  /// The address that the socket is bound to.
  udp_address address() const {
    coppice_udp_address out{};
    detail::checked(api().address(self_, number_, &out), "address");
    return udp_address(out);
  }

 private:
  static const coppice_udp_api& api() { return detail::datagram_api.need(); }

  coppice_actor* self_;
  std::uint32_t number_;
};

/// An actor with UDP sockets: derive from it. The callbacks stand at the top of this file.
class udp : public actor {
 protected:
  /// The socket on which these were received.
  udp_socket socket_of(std::span<const datagram> all) const {
    return udp_socket(*this, all.front().raw().socket);
  }
  udp_socket socket_of(const datagram& one) const { return udp_socket(*this, one.raw().socket); }
  /// Answers the sender, from the address that the datagram was sent to.
  std::int32_t reply(const datagram& to, bytes what) const { return socket_of(to).send(to.answer(what)); }
  std::int32_t reply(const datagram& to, std::string_view text) const { return reply(to, to_bytes(text)); }
};

namespace detail {

template <class T>
concept takes_batches = requires(T& actor, std::span<const datagram> all) {
  actor.on_datagrams(all);
};
template <class T>
concept takes_datagrams = requires(T& actor, const datagram& one) {
  actor.on_datagram(one);
};

template <class T>
constexpr bool is_udp_class() {
  if constexpr (!is_actor_class<T>()) {
    return false;
  } else if constexpr (!has_lifecycle_names<T>() || !has_server_names<T>()) {
    return false;
  } else if constexpr (!takes_batches<T> && !takes_datagrams<T>) {
    static_assert(never<T>,
                  "this class takes no datagrams: give it a public void on_datagrams(std::span<const "
                  "coppice::datagram>) or void on_datagram(const coppice::datagram&)");
    return false;
  } else {
    if constexpr (requires { &T::on_error; })
      static_assert(
          requires(T & t, udp_socket s, std::optional<udp_address> to) { t.on_error(s, to, 0); },
          "on_error is declared otherwise than it is called: public, and void "
          "on_error(coppice::udp_socket, std::optional<coppice::udp_address>, int)");
    if constexpr (requires { &T::on_writable; })
      static_assert(
          requires(T & t, udp_socket s) { t.on_writable(s); },
          "on_writable is declared otherwise than it is called: public, and void "
          "on_writable(coppice::udp_socket)");
    return has_lifecycle<T>() && has_calls<T>() && has_casts<T>() && has_infos<T>();
  }
}

template <class T>
struct datagram_table {
  template <class Use>
  static std::int32_t with(coppice_actor* self, void* state, Use use) {
    return run<T>(self, state, [&](T& actor) { return status_of(self, [&] { return use(actor); }); });
  }

  static std::int32_t on_datagrams(coppice_actor* self, void* state, const coppice_udp_datagram* all,
                                   std::uint64_t count) noexcept {
    // datagram is the C struct with other names.
    const std::span<const datagram> whole(reinterpret_cast<const datagram*>(all),
                                          static_cast<std::size_t>(count));
    if constexpr (takes_batches<T>) {
      return with(self, state, [&](T& actor) { return actor.on_datagrams(whole); });
    } else {
      std::int32_t status = COPPICE_OK;
      for (std::size_t i = 0; i < whole.size() && goes_on(self, state, status); ++i)
        status = with(self, state, [&](T& actor) { return actor.on_datagram(whole[i]); });
      return status;
    }
  }
  // Whether the next datagram of the batch comes after this status. The host acts on the batch's last status
  // alone, so handle_continue runs here.
  static bool goes_on(coppice_actor* self, void* state, std::int32_t& status) noexcept {
    while (status == COPPICE_CONTINUE) {
      status = COPPICE_OK;
      if constexpr (requires { &T::handle_continue; })
        status = lifecycle_table<T>::handle_continue(self, state);
      if (status == COPPICE_CONTINUE && host.work->should_yield(self) != 0 &&
          host.work->yield(self) == COPPICE_E_EXITING)
        status = COPPICE_E_EXITING;
    }
    return status == COPPICE_OK || status == COPPICE_HIBERNATE || status == COPPICE_UNHANDLED;
  }
  static std::int32_t on_error(coppice_actor* self, void* state, std::uint32_t socket,
                               const coppice_udp_address* peer, std::int32_t number) noexcept {
    return with(self, state, [&](T& actor) {
      const std::optional<udp_address> to =
          peer->family == 0 ? std::nullopt : std::optional<udp_address>(udp_address(*peer));
      return actor.on_error(udp_socket(self, socket), to, static_cast<int>(number));
    });
  }
  static std::int32_t on_writable(coppice_actor* self, void* state, std::uint32_t socket) noexcept {
    return with(self, state, [&](T& actor) { return actor.on_writable(udp_socket(self, socket)); });
  }

  static constexpr coppice_udp make_table() {
    coppice_udp table{};
    table.size = sizeof(coppice_udp);
    table.on_datagrams = &on_datagrams;
    if constexpr (requires { &T::on_error; }) table.on_error = &on_error;
    if constexpr (requires { &T::on_writable; }) table.on_writable = &on_writable;
    return table;
  }
  static constexpr coppice_udp callbacks = make_table();
};

template <class T>
requires std::is_base_of_v<udp, T>
struct behaviour_of<T> {
  static constexpr const char* name = "udp";
  // Empty for a class with a mistake, so that the compiler prints only the sentence about the mistake.
  static constexpr const void* lifecycle() {
    if constexpr (is_udp_class<T>()) return &lifecycle_table<T>::callbacks;
    return nullptr;
  }
  static constexpr const void* callbacks() {
    if constexpr (is_udp_class<T>()) return &server_table<T>::callbacks;
    return nullptr;
  }
  static constexpr const void* datagrams() {
    if constexpr (is_udp_class<T>()) return &datagram_table<T>::callbacks;
    return nullptr;
  }
  static constexpr coppice_table tables[] = {{COPPICE_LIFECYCLE_1, lifecycle()},
                                             {COPPICE_SERVER_1, callbacks()},
                                             {COPPICE_UDP_DRAFT_2, datagrams()},
                                             {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
