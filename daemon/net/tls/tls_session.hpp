// SPDX-License-Identifier: MIT
// One connection's TLS, without a socket: bytes of the wire go in and out as its owner has them. Nothing
// is allocated before the peer's first bytes look like TLS, and an unfinished handshake holds less than
// 64 KiB. After an error what output() holds (the alert) may still be sent. The owner's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "net/tls/peer_certificate.hpp"
#include "net/tls/tls_context.hpp"
#include "net/write_queue.hpp"

struct mbedtls_x509_crt;

namespace coppice::net {

class tls_session {
 public:
  // `host`: a client's, whom the peer's certificate must be for where the context verifies it; a DNS name
  // or an address.
  tls_session(std::shared_ptr<const tls_context> context, std::string host);
  ~tls_session();
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  bool is_client() const { return context_->role() == tls_role::client; }

  // Bytes from the wire, borrowed until unused_input() is 0.
  void feed(base::bytes_span sealed) { input_ = sealed; }
  // The first of them, copied, before feed().
  void begin_with(base::bytes_span sealed) { hello_.assign(sealed.begin(), sealed.end()); }
  std::size_t unused_input() const { return input_.size(); }
  // Copies what is borrowed.
  void keep_input();

  enum class progress : std::uint8_t { more_steps, needs_input, done };
  // One step of the handshake: a millisecond at most.
  base::result<progress> step();
  bool established() const { return established_; }
  // Why a connection that ends now ends, in words, while not established.
  base::error cut_short() const;

  // The peer's next bytes as they were before TLS; 0: needs input, or peer_ended(). What it has to be told at
  // once is in output().
  base::result<std::size_t> open(std::span<std::uint8_t> into);
  // Its close_notify came: it sends no more.
  bool peer_ended() const { return peer_ended_; }

  // Takes from the front of `from` what one record holds, into output(). Established only.
  base::status seal(write_queue& from);
  // The close_notify, into output().
  base::status end();
  write_queue& output() { return output_; }
  const write_queue& output() const { return output_; }

  // "1.3" or "1.2"; empty before it is established. A static string.
  std::string_view version() const;
  // What both ends speak by ALPN; empty before it is established, or if they did not speak of it.
  std::string_view protocol() const;
  // The one the peer has shown, once established: verified if the context does so, else not looked at.
  std::optional<peer_certificate> peer() const;

 private:
  struct library;

  base::status set_up();
  base::error explain(int code) const;
  int give(unsigned char* to, std::size_t size);
  void remember(base::bytes_span read);
  std::optional<std::uint8_t> alert_in_the_clear() const;
  void judged(const mbedtls_x509_crt& certificate, bool is_leaf, std::uint32_t& flags);
  bool changes_keys(int code) const;
  unexpected<base::error> refuse(int code, std::string why);
  void take_application_keys();
  bool has_input() const { return !input_.empty() || hello_read_ < hello_.size(); }

  std::shared_ptr<const tls_context> context_;
  std::string host_;
  std::vector<std::uint8_t> address_; // a client's: host_ as an address; empty: it is a name, or nothing
  std::unique_ptr<library> ssl_;      // from the first bytes on
  base::bytes_span input_;
  // Bytes that are read before input_'s: a server's first ones, until their ciphers were seen, and those of
  // begin_with() and keep_input().
  std::vector<std::uint8_t> hello_;
  std::size_t hello_read_ = 0;
  std::vector<std::uint8_t> record_; // where small writes become one record
  write_queue output_;
  std::string refused_;                     // what is wrong with the peer's certificate
  std::array<std::uint8_t, 7> last_read_{}; // as long as a record that holds an alert in the clear
  std::size_t refusals_ = 0;                // bytes that refuse further handshakes
  int empty_ = 0;                           // records without data in a row
  bool established_ = false;
  bool opened_any_ = false;
  bool peer_ended_ = false;
};

} // namespace coppice::net
