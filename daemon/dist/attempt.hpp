// SPDX-License-Identifier: MIT
// A connection that is not one yet: looking the peer up, connecting and shaking hands, or an accepted socket
// whose peer has to prove itself. Bounded in time and bytes; its owner hears of its end exactly once. Little
// memory is spent on it, since anyone may open one. One thread, its worker's.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/uv.hpp"
#include "dist/handshake.hpp"
#include "dist/locator.hpp"
#include "dist/options.hpp"
#include "net/listening/listener.hpp"
#include "net/stream/stream.hpp"
#include "net/tls/tls_pacer.hpp"

namespace coppice::dist {

class attempt;

// Why a connection without a certificate does not take the place of one with.
std::string uncertified_claim(std::string_view peer);

class attempt_owner {
 public:
  // Both take the attempt's end: it is to be destroyed during the call or after it.
  // `leftover` came behind the handshake.
  virtual void established(attempt& done, const peer_node& peer, net::stream stream,
                           std::vector<std::uint8_t> leftover) = 0;
  virtual void failed(attempt& done, const base::error& why) = 0;
  // See handshake_policy. A peer with which the handshake goes on is admitted, see attempt::admitted().
  virtual handshake_message::verdict admit(std::string_view peer) = 0;
  virtual std::string cookie_for(std::string_view peer) = 0;
  virtual open_challenges& challenges() = 0;
  // Whether there is a connection to that node over which it has shown a verified certificate.
  virtual bool is_certified(std::string_view peer) const = 0;
  // Of this thread's loop.
  virtual net::tls_pacer& pacer() = 0;

 protected:
  ~attempt_owner() = default;
};

class attempt final : private net::stream_handler, private handshake_policy {
 public:
  // To `node`, in so much time; `peer_index` is given back by peer_index(). `cause`: who had it connected to.
  static base::result<std::unique_ptr<attempt>> connect(uv_loop_t* on, attempt_owner& owner,
                                                        const options& opts, local_node us, std::string node,
                                                        std::uint32_t peer_index, net::lookup_cause cause,
                                                        std::chrono::milliseconds within);
  // From a socket just accepted; `tls` null: without TLS.
  static base::result<std::unique_ptr<attempt>> accept(uv_loop_t* on, attempt_owner& owner,
                                                       const options& opts, local_node us,
                                                       net::accepted_socket socket,
                                                       const std::shared_ptr<net::tls_source>& tls);
  attempt(const attempt&) = delete;
  attempt& operator=(const attempt&) = delete;

  // Of no other attempt, before and after: what names it when it may be gone already.
  std::uint64_t number() const { return number_; }
  // Something that lives as long as this.
  void hold(std::shared_ptr<void> held) { held_ = std::move(held); }
  bool outgoing() const { return outgoing_; }
  std::uint32_t peer_index() const { return peer_index_; } // of an outgoing one
  // The node whose connection is being accepted; empty before its owner admitted it, and of an outgoing one.
  const std::string& admitted() const { return admitted_; }
  // Of an established one: whether the peer has shown a certificate that was verified.
  bool certified() const { return certified_; }
  // For the log: the node, or the address while it has not said who it is.
  std::string who() const;
  // Whether it ended to make room for others.
  bool made_room() const { return made_room_; }

 private:
  attempt(uv_loop_t* on, attempt_owner& owner, const options& opts, bool outgoing,
          std::chrono::milliseconds within);

  void heard();
  void located(base::result<base::socket_address> where);
  void on_connected() override;
  void on_data(base::bytes_span bytes) override;
  void on_closed(base::error why) override;
  handshake_message::verdict admit(std::string_view peer) override;
  base::status check_claim(std::string_view peer) override;
  std::string cookie_for(std::string_view peer) override { return owner_.cookie_for(peer); }
  open_challenges* challenges() override { return &owner_.challenges(); }
  base::result<assigned_name> name_for(std::string_view host) override;

  length_prefix prefix() const { return with_tls_ ? length_prefix::four_bytes : length_prefix::two_bytes; }
  base::error out_of_time() const;
  std::optional<base::error> mistaken_for_plain() const;
  void send_output();
  void fail(base::error why);

  std::shared_ptr<void> held_; // given back when all else is gone
  const std::uint64_t number_;
  uv_loop_t* loop_;
  attempt_owner& owner_;
  const options& options_;
  bool outgoing_;
  bool connected_ = false;
  bool with_tls_ = false;
  bool verifies_ = false; // the peer's certificate
  bool certified_ = false;
  bool spoke_ = false; // the peer
  bool made_room_ = false;
  std::chrono::milliseconds within_;
  base::nanos began_;
  std::string node_;
  std::string address_;
  std::string admitted_;
  std::uint32_t peer_index_ = 0;
  std::optional<locator> locator_;
  std::optional<handshake> handshake_;
  net::stream stream_;
  std::vector<std::uint8_t> received_;
  base::uv::timer deadline_;
};

} // namespace coppice::dist
