// SPDX-License-Identifier: MIT
// The TLS of one connection, without a socket: its owner passes bytes of the wire in and out. Nothing is
// allocated before the peer's first bytes look like TLS, and an unfinished handshake holds less than 64 KiB.
// After an error, output() may hold an alert that can still be sent. The owner's thread.
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
  // `host`, for a client: the DNS name or address that the peer's certificate must be for, if the context
  // verifies it.
  tls_session(std::shared_ptr<const tls_context> context, std::string host);
  ~tls_session();
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  bool is_client() const { return context_->role() == tls_role::client; }

  // Passes bytes from the wire, borrowed until unused_input() is 0.
  void feed(base::bytes_span sealed) { input_ = sealed; }
  // Passes the first bytes of the connection, which are copied; before feed().
  void begin_with(base::bytes_span sealed) { hello_.assign(sealed.begin(), sealed.end()); }
  std::size_t unused_input() const { return input_.size(); }
  // Copies the borrowed input, so that its owner may free it.
  void keep_input();

  enum class progress : std::uint8_t { more_steps, needs_input, done };
  // Takes one step of the handshake, at most a millisecond.
  base::result<progress> step();
  bool established() const { return established_; }
  // Why the connection ended during the handshake, in words.
  base::error cut_short() const;

  // Decrypts the peer's next bytes into `into`. 0: more input is needed, or peer_ended(). Records that must
  // be sent to the peer at once are in output().
  base::result<std::size_t> open(std::span<std::uint8_t> into);
  // Whether the peer's close_notify came: it sends nothing more.
  bool peer_ended() const { return peer_ended_; }

  // Encrypts bytes from the front of `from`, as many as one record holds, into output(). Only after the
  // handshake.
  base::status seal(write_queue& from);
  // Writes the close_notify into output().
  base::status end();
  write_queue& output() { return output_; }
  const write_queue& output() const { return output_; }

  // "1.3" or "1.2"; empty before the end of the handshake. A static string.
  std::string_view version() const;
  // The protocol chosen by ALPN; empty before the end of the handshake, or if ALPN was not used.
  std::string_view protocol() const;
  // The peer's certificate, after the handshake; verified only if the context verifies peers.
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
  std::vector<std::uint8_t> address_; // client only: host_ as an address; empty: host_ is a name or empty
  std::unique_ptr<library> ssl_;      // null until the first bytes have come
  base::bytes_span input_;
  // Bytes to be read before those of input_: a server's first bytes until their ciphers were seen, and those
  // of begin_with() and keep_input().
  std::vector<std::uint8_t> hello_;
  std::size_t hello_read_ = 0;
  std::vector<std::uint8_t> record_; // where small writes are joined into one record
  write_queue output_;
  std::string refused_;                     // what is wrong with the peer's certificate
  std::array<std::uint8_t, 7> last_read_{}; // as long as a record with an unencrypted alert
  std::size_t refusals_ = 0;                // bytes of output that refuse further handshakes
  int empty_ = 0;                           // records without data in a row
  bool established_ = false;
  bool opened_any_ = false;
  bool peer_ended_ = false;
};

} // namespace coppice::net
