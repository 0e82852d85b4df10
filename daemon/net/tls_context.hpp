// SPDX-License-Identifier: MIT
// How one side of TLS connections presents itself and what it asks of its peers: certificate, key,
// trusted authorities, versions, ciphers. Immutable once made and shared by all sessions that began with
// it, so that new certificates take effect for new connections while old ones go on. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"

struct mbedtls_ssl_config;

namespace coppice::net {

enum class tls_role : std::uint8_t { client, server };

// PEM texts. A server needs certificate and key, a client may have both or neither.
struct tls_settings {
  std::string certificate; // the leaf first, then what is needed up to a trusted authority
  std::string key;         // not encrypted
  std::string authorities; // who may have signed the peers' certificates
  bool verify_peer = false;
  bool allow_tls_1_2 = false;
};

class tls_context {
 public:
  // errc::invalid: a text cannot be read, the key is another certificate's, or something is missing.
  static base::result<std::shared_ptr<const tls_context>> make(tls_role role, const tls_settings& settings);
  ~tls_context();
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;

  tls_role role() const;
  bool verifies_peer() const;

  // What a session is set up with. A server that is offered the fastest cipher takes no other, whatever the
  // client prefers: mbedTLS itself follows the client's order.
  const mbedtls_ssl_config* config(bool fastest_offered) const;

 private:
  struct mbedtls_objects;
  explicit tls_context(std::unique_ptr<mbedtls_objects> made);
  std::unique_ptr<mbedtls_objects> objects_;
};

// What the first bytes of a connection say, looked at before any memory is spent on it.
enum class client_hello : std::uint8_t {
  incomplete,
  no_tls,         // not a TLS handshake record at all
  fastest_cipher, // offers the cipher tls_context prefers
  other,
};
client_hello look_at_client_hello(base::bytes_span bytes);

} // namespace coppice::net
