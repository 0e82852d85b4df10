// SPDX-License-Identifier: MIT
// How one side of TLS connections presents itself and what it asks of its peers: certificate, key,
// trusted authorities, versions, ciphers. Immutable once made and shared by all sessions that began with
// it, so that new certificates take effect for new connections while old ones go on. Any thread.
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

// PEM texts. A server needs certificate and key, a client may have both or neither.
struct tls_settings {
  std::string certificate; // the leaf first, then what is needed up to a trusted authority
  std::string key;         // not encrypted
  std::string authorities; // who may have signed the peers' certificates; at least one that can be read
  bool verify_peer = false;
  bool allow_tls_1_2 = false;
  // What a client offers to speak and a server takes, the preferred one first (ALPN, RFC 7301); names of 1 to
  // 255 bytes. A server refuses who offers others only. Empty: it is not spoken of.
  std::vector<std::string> protocols{};
  // Of a server, for clients that ask for such a host (SNI, RFC 6066): a server's context whose certificate,
  // key, authorities and verify_peer take the place of this one's. "www.example.org", or "*.example.org" for
  // every host one label below; a whole name goes before. Who asks for others, or for none, gets this one's.
  std::map<std::string, std::shared_ptr<const tls_context>> by_name{};
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
  const mbedtls_objects* for_host(std::string_view name) const;
  static int choose(void* among, mbedtls_ssl_context* session, const unsigned char* name, std::size_t size);

  explicit tls_context(std::unique_ptr<mbedtls_objects> made);
  std::unique_ptr<mbedtls_objects> objects_;
};

// The certificates of a PEM text that can be read, as a PEM text, and why each other one cannot: "part 2 of
// 3: …". errc::invalid: there is none.
struct readable_certificates {
  std::string usable;
  std::vector<std::string> unusable;
};
base::result<readable_certificates> read_certificates(const std::string& text);

// What the first bytes of a connection say, looked at before any memory is spent on it.
enum class client_hello : std::uint8_t {
  incomplete,
  no_tls,         // not a TLS handshake record at all
  fastest_cipher, // offers the cipher tls_context prefers
  other,          // offers others, or its first record ends before the end of its ciphers
};
client_hello look_at_client_hello(base::bytes_span bytes);

} // namespace coppice::net
