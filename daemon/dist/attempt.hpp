// SPDX-License-Identifier: MIT
// The way to a connection: looking a node up, connecting and shaking hands, or shaking hands with the peer
// of an accepted socket. Bounded in time and bytes; the owner is told of its end exactly once. Uses little
// memory, because any client may open one. The worker's thread.
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
#include "net/deadline.hpp"
#include "net/listening/listener.hpp"
#include "net/stream/stream.hpp"
#include "net/tls/tls_pacer.hpp"

namespace coppice::dist {

class attempt;

// The error text for a connection without a certificate that claims the name of a peer connected with one.
std::string uncertified_claim(std::string_view peer);

class attempt_owner {
 public:
  // established() and failed() end the attempt: the owner destroys it during the call or after it.
  // `leftover`: bytes received behind the handshake.
  virtual void established(attempt& done, const peer_node& peer, net::stream stream,
                           std::vector<std::uint8_t> leftover) = 0;
  virtual void failed(attempt& done, const base::error& why) = 0;
  // See handshake_policy::admit(). If the handshake goes on, the peer's name is attempt::admitted().
  virtual handshake_message::verdict admit(std::string_view peer) = 0;
  virtual std::string cookie_for(std::string_view peer) = 0;
  virtual open_challenges& challenges() = 0;
  // Whether that node is connected and has shown a verified certificate on that connection.
  virtual bool is_certified(std::string_view peer) const = 0;
  // The pacer of this thread's loop.
  virtual net::tls_pacer& pacer() = 0;

 protected:
  ~attempt_owner() = default;
};

class attempt final : private net::stream_handler, private handshake_policy {
 public:
  // Connects to `node`, within `within`. peer_index() returns `peer_index`. `cause`: why the node is looked
  // up. `by`: the node that named it, see net::resolution::start().
  static base::result<std::unique_ptr<attempt>> connect(uv_loop_t* on, attempt_owner& owner,
                                                        const options& opts, local_node us, std::string node,
                                                        std::uint32_t peer_index, net::lookup_cause cause,
                                                        std::uint32_t by, std::chrono::milliseconds within);
  // Takes an accepted socket. `tls` null: without TLS.
  static base::result<std::unique_ptr<attempt>> accept(uv_loop_t* on, attempt_owner& owner,
                                                       const options& opts, local_node us,
                                                       net::accepted_socket socket,
                                                       const std::shared_ptr<net::tls_source>& tls);
  attempt(const attempt&) = delete;
  attempt& operator=(const attempt&) = delete;

  // A number that no other attempt of the process ever has. It names the attempt after its end.
  std::uint64_t number() const { return number_; }
  // Keeps `held` alive as long as the attempt.
  void hold(std::shared_ptr<void> held) { held_ = std::move(held); }
  bool outgoing() const { return outgoing_; }
  std::uint32_t peer_index() const { return peer_index_; } // of an outgoing attempt
  // The node whose connection is being accepted. Empty: not admitted yet, or an outgoing attempt.
  const std::string& admitted() const { return admitted_; }
  // Whether the peer has shown a verified certificate; valid once established.
  bool certified() const { return certified_; }
  // For the log: the node's name if known, else the address.
  std::string who() const;
  // Whether the admission limit closed it to make room for another connection.
  bool made_room() const { return made_room_; }

 private:
  attempt(uv_loop_t* on, attempt_owner& owner, const options& opts, bool outgoing,
          std::chrono::milliseconds within);

  void heard();
  void located(base::result<base::socket_address> where);
  void not_reached(base::error why);
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

  std::shared_ptr<void> held_; // declared first: destroyed after everything else
  const std::uint64_t number_;
  uv_loop_t* loop_;
  attempt_owner& owner_;
  const options& options_;
  bool outgoing_;
  bool connected_ = false;
  bool with_tls_ = false;
  bool verifies_ = false; // whether the peer's certificate is verified
  bool certified_ = false;
  bool spoke_ = false; // a whole message has come from the peer
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
  net::deadline deadline_;
};

} // namespace coppice::dist
