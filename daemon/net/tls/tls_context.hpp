// SPDX-License-Identifier: MIT
// The settings of one side of TLS connections: its certificate and key, and the authorities, versions and
// ciphers it accepts. Immutable and shared by all sessions that began with it, so new certificates hold for
// new connections while old connections go on. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

struct mbedtls_ssl_config;
struct mbedtls_ssl_context;

namespace coppice::net {

class tls_context;

enum class tls_role : std::uint8_t { client, server };

// PEM texts. A server needs certificate and key; a client may have both or neither.
struct tls_settings {
  std::string certificate; // the leaf first, then the chain up to a trusted authority
  std::string key;         // not encrypted
  std::string authorities; // CAs that may have signed the peers' certificates; every part must be readable
  bool verify_peer = false;
  bool allow_tls_1_2 = false;
  // ALPN (RFC 7301): the protocols that a client offers and a server accepts, the preferred one first; names
  // of 1 to 255 bytes. A server refuses a client that offers only others. Empty: ALPN is not used.
  std::vector<std::string> protocols{};
  // SNI (RFC 6066), servers only: by the host that a client asks for, a server's context whose certificate,
  // key, authorities and verify_peer replace this one's. The key is "www.example.org", or "*.example.org" for
  // every host one label below; an exact name takes precedence. Clients that ask for another host, or for
  // none, get this context.
  std::map<std::string, std::shared_ptr<const tls_context>> by_name{};
};

class tls_context {
 public:
  // errc::invalid: a text cannot be read, the key belongs to another certificate, or something is missing.
  static base::result<std::shared_ptr<const tls_context>> make(tls_role role, const tls_settings& settings);
  ~tls_context();
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;

  tls_role role() const;
  bool verifies_peer() const;

  // The configuration to set a session up with. If the client offers the fastest cipher, the server accepts
  // no other; mbedTLS itself would follow the client's order.
  const mbedtls_ssl_config* config(bool fastest_offered) const;

 private:
  struct mbedtls_objects;
  const mbedtls_objects* for_host(std::string_view name) const;
  static int choose(void* among, mbedtls_ssl_context* session, const unsigned char* name, std::size_t size);

  explicit tls_context(std::unique_ptr<mbedtls_objects> made);
  std::unique_ptr<mbedtls_objects> objects_;
};

// The certificates of a PEM text that can be read, as a PEM text, and for each other one why it cannot be
// read: "part 2 of 3: …". errc::invalid: none can be read.
struct readable_certificates {
  std::string usable;
  std::vector<std::string> unusable;
};
base::result<readable_certificates> read_certificates(const std::string& text);

// The result of a look at the first bytes of a connection, before any memory is spent on it.
enum class client_hello : std::uint8_t {
  incomplete,
  no_tls,         // not a TLS handshake record
  fastest_cipher, // offers the cipher that tls_context prefers
  other,          // does not offer it, or its first record ends before the end of its list of ciphers
};
client_hello look_at_client_hello(base::bytes_span bytes);

} // namespace coppice::net
