// SPDX-License-Identifier: MIT
// ChaCha20-Poly1305 is the cipher that mbedTLS computes fastest, half as fast again as AES-128-GCM. Session
// tickets are neither given nor taken, because connections between nodes last and would gain nothing. Any
// thread.
#include "net/tls/tls_context.hpp"

#include <fmt/format.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "net/tls/mbedtls_context.hpp"
#include "net/tls/tls.hpp"

namespace coppice::net {
namespace {

using certificates = owned<mbedtls_x509_crt, mbedtls_x509_crt_init, mbedtls_x509_crt_free>;
using private_key = owned<mbedtls_pk_context, mbedtls_pk_init, mbedtls_pk_free>;
using configuration = owned<mbedtls_ssl_config, mbedtls_ssl_config_init, mbedtls_ssl_config_free>;

// The signature algorithms that a client which allows TLS 1.2 offers, the preferred ones first. A TLS 1.2
// server with an RSA key may choose any of them (RFC 8446 4.2.3), but mbedTLS up to 3.6.6 accepts PSS only in
// TLS 1.3; so PKCS#1 stands before PSS. TLS 1.3 servers ignore PKCS#1.
constexpr std::array<std::uint16_t, 10> pkcs1_before_pss{
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,    MBEDTLS_TLS1_3_SIG_NONE};

constexpr int fastest = MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256;

// Zero ends a list.
constexpr std::array<int, 2> only_fastest{fastest, 0};
constexpr std::array<int, 4> tls_1_3_ciphers{fastest, MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                             MBEDTLS_TLS1_3_AES_256_GCM_SHA384, 0};
// Only those TLS 1.2 ciphers that have forward secrecy and an AEAD.
constexpr std::array<int, 10> all_ciphers{fastest,
                                          MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                          MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                          MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                          MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                          MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                          MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                                          0};

// A client may ask for records of 512 bytes, for example (max_fragment_length, RFC 6066 4). mbedTLS agrees,
// but sends a longer handshake message in one record all the same, which the client refuses. A server need
// not agree, so this one does not.
int promise_no_short_records(mbedtls_ssl_context* session) {
#if defined(MBEDTLS_SSL_MAX_FRAGMENT_LENGTH)
  if (mbedtls_ssl_session* const agreed = session->MBEDTLS_PRIVATE(session_negotiate))
    agreed->MBEDTLS_PRIVATE(mfl_code) = MBEDTLS_SSL_MAX_FRAG_LEN_NONE;
#else
  static_cast<void>(session);
#endif
  return 0;
}

// mbedTLS wants PEM with its terminating zero counted.
const unsigned char* pem(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.c_str());
}

// Cuts the first certificate off `text`, with everything before it. Empty: there is none.
std::string next_certificate(std::string_view& text) {
  constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view end = "-----END CERTIFICATE-----";
  const std::size_t first = std::min(text.find(begin), text.size());
  std::string_view rest = text.substr(first);
  const std::size_t length = std::min(rest.find(end), rest.size());
  const std::size_t whole = std::min(length + end.size(), rest.size());
  text = rest.substr(whole);
  return std::string(rest.substr(0, whole));
}

// Fails unless every part can be read.
base::status parse(certificates& into, const std::string& text, const char* what) {
  const int code = mbedtls_x509_crt_parse(into.get(), pem(text), text.size() + 1);
  if (code <= 0) return check_mbedtls(code, what);
  // A positive number counts the certificates of the text that could not be read.
  const auto read = read_certificates(text);
  const bool known = read && !read->unusable.empty();
  return base::fail(base::errc::invalid,
                    std::string(what) + ": " + (known ? read->unusable.front() : "a part cannot be read"));
}

base::status check_protocols(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (!name.empty() && name.size() <= MBEDTLS_SSL_MAX_ALPN_NAME_LEN &&
        name.find('\0') == std::string::npos) {
      continue;
    }
    return base::fail(base::errc::invalid,
                      "alpn: " + base::in_quotes(name) + ": the name of a protocol has 1 to 255 bytes");
  }
  return {};
}

// A host name, or a pattern whose first label is a star.
bool is_host_pattern(std::string_view name) {
  if (name.substr(0, 2) == "*.") name.remove_prefix(2);
  const auto in_host = [](char one) {
    return (one >= 'a' && one <= 'z') || (one >= '0' && one <= '9') || one == '-' || one == '_' || one == '.';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), in_host) && name.front() != '.' &&
         name.back() != '.' && name.find("..") == std::string_view::npos;
}

} // namespace

struct tls_context::mbedtls_objects {
  tls_role role = tls_role::client;
  bool verify = false;
  certificates chain;
  private_key key;
  certificates trusted;
  configuration general;
  configuration preferred; // of a server, for clients that offer the fastest cipher
  std::vector<std::string> protocols;
  std::vector<const char*> protocol_names; // points into `protocols`; a null pointer ends it
  std::map<std::string, std::shared_ptr<const tls_context>, std::less<>> by_name;

  base::status load(const tls_settings& from);
  base::status take_names(const tls_settings& from);
  base::status configure(mbedtls_ssl_config* config, const int* ciphers, bool allow_1_2, bool has_own);
};

base::status tls_context::mbedtls_objects::load(const tls_settings& from) {
  const bool has_own = !from.certificate.empty();
  if (role == tls_role::server && !has_own) {
    return base::fail(base::errc::invalid, "tls: a listener needs a certificate");
  }
  if (has_own) {
    if (auto read = parse(chain, from.certificate, "certificate"); !read) return read;
    const int code = mbedtls_pk_parse_key(key.get(), pem(from.key), from.key.size() + 1, nullptr, 0,
                                          kernel_random, nullptr);
    if (auto read = check_mbedtls(code, "key"); !read) return read;
    if (mbedtls_pk_check_pair(&chain->pk, key.get(), kernel_random, nullptr) != 0) {
      return base::fail(base::errc::invalid, "the key is not this certificate's");
    }
  }
  if (verify) {
    if (from.authorities.empty()) {
      return base::fail(base::errc::invalid, "tls: to verify peers the authority (ca) must be given");
    }
    if (auto read = parse(trusted, from.authorities, "ca"); !read) return read;
  }
  if (auto taken = take_names(from); !taken) return taken;
  const int* ciphers = from.allow_tls_1_2 ? all_ciphers.data() : tls_1_3_ciphers.data();
  if (auto done = configure(general.get(), ciphers, from.allow_tls_1_2, has_own); !done) return done;
  return configure(preferred.get(), only_fastest.data(), false, has_own);
}

base::status tls_context::mbedtls_objects::take_names(const tls_settings& from) {
  if (auto fine = check_protocols(from.protocols); !fine) return fine;
  protocols = from.protocols;
  for (const std::string& name : protocols) protocol_names.push_back(name.c_str());
  if (!protocols.empty()) protocol_names.push_back(nullptr);
  for (const auto& [name, context] : from.by_name) {
    if (role != tls_role::server || !context || context->role() != tls_role::server) {
      return base::fail(base::errc::invalid, "sni: only servers choose by name, among servers");
    }
    std::string host = base::ascii_lower(std::string(name));
    if (!is_host_pattern(host)) {
      return base::fail(base::errc::invalid,
                        "sni: " + base::in_quotes(name) + " is no host, nor one as *.example.org");
    }
    by_name.insert_or_assign(std::move(host), context);
  }
  return {};
}

base::status tls_context::mbedtls_objects::configure(mbedtls_ssl_config* config, const int* ciphers,
                                                     bool allow_1_2, bool has_own) {
  const int endpoint = role == tls_role::client ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER;
  const int code =
      mbedtls_ssl_config_defaults(config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
  if (auto done = check_mbedtls(code, "tls"); !done) return done;
  mbedtls_ssl_conf_rng(config, kernel_random, nullptr);
  mbedtls_ssl_conf_min_tls_version(config,
                                   allow_1_2 ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3);
  mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
  mbedtls_ssl_conf_ciphersuites(config, ciphers);
  if (allow_1_2 && role == tls_role::client) mbedtls_ssl_conf_sig_algs(config, pkcs1_before_pss.data());
  mbedtls_ssl_conf_authmode(config, verify ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
  mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
  if (role == tls_role::server) mbedtls_ssl_conf_cert_cb(config, &promise_no_short_records);
  if (verify) mbedtls_ssl_conf_ca_chain(config, trusted.get(), nullptr);
  if (!protocol_names.empty()) {
    const int set = mbedtls_ssl_conf_alpn_protocols(config, protocol_names.data());
    if (auto taken = check_mbedtls(set, "alpn"); !taken) return taken;
  }
  if (!has_own) return {};
  return check_mbedtls(mbedtls_ssl_conf_own_cert(config, chain.get(), key.get()), "certificate");
}

base::result<std::shared_ptr<const tls_context>> tls_context::make(tls_role role,
                                                                   const tls_settings& settings) {
  if (auto ready = tls::initialise(); !ready) return unexpected(std::move(ready.error()));
  auto made = std::make_unique<mbedtls_objects>();
  made->role = role;
  made->verify = settings.verify_peer;
  if (auto loaded = made->load(settings); !loaded) return unexpected(std::move(loaded.error()));
  const std::shared_ptr<tls_context> out(new tls_context(std::move(made)));
  if (!out->objects_->by_name.empty()) {
    mbedtls_ssl_conf_sni(out->objects_->general.get(), choose, out.get());
    mbedtls_ssl_conf_sni(out->objects_->preferred.get(), choose, out.get());
  }
  return std::shared_ptr<const tls_context>(out);
}

const tls_context::mbedtls_objects* tls_context::for_host(std::string_view name) const {
  const auto& named = objects_->by_name;
  const std::string host = base::ascii_lower(std::string(name));
  auto found = named.find(host);
  const std::size_t dot = host.find('.');
  if (found == named.end() && dot != 0 && dot != std::string::npos)
    found = named.find("*" + host.substr(dot));
  return found == named.end() ? nullptr : found->second->objects_.get();
}

// Called while the ClientHello is read. The session holds `among`, which keeps the chosen context alive.
int tls_context::choose(void* among, mbedtls_ssl_context* session, const unsigned char* name,
                        std::size_t size) {
  const auto* self = static_cast<const tls_context*>(among);
  const auto* found = self->for_host({reinterpret_cast<const char*>(name), size});
  if (found == nullptr) return 0;
  // mbedTLS takes non-const pointers, but only reads.
  auto* chosen = const_cast<mbedtls_objects*>(found);
  mbedtls_ssl_set_hs_authmode(session,
                              chosen->verify ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
  if (chosen->verify) mbedtls_ssl_set_hs_ca_chain(session, chosen->trusted.get(), nullptr);
  return mbedtls_ssl_set_hs_own_cert(session, chosen->chain.get(), chosen->key.get());
}

tls_context::tls_context(std::unique_ptr<mbedtls_objects> made) : objects_(std::move(made)) {}
tls_context::~tls_context() = default;

tls_role tls_context::role() const {
  return objects_->role;
}
bool tls_context::verifies_peer() const {
  return objects_->verify;
}
const mbedtls_ssl_config* tls_context::config(bool fastest_offered) const {
  return fastest_offered ? objects_->preferred.get() : objects_->general.get();
}

base::result<readable_certificates> read_certificates(const std::string& text) {
  if (auto ready = tls::initialise(); !ready) return unexpected(std::move(ready.error()));
  readable_certificates out;
  std::vector<std::pair<std::size_t, int>> failures;
  std::size_t parts = 0;
  std::string_view rest = text;
  for (std::string one = next_certificate(rest); !one.empty(); one = next_certificate(rest)) {
    ++parts;
    certificates alone;
    const int code = mbedtls_x509_crt_parse(alone.get(), pem(one), one.size() + 1);
    if (code == 0)
      out.usable += one + '\n';
    else
      failures.emplace_back(parts, code);
  }
  for (const auto& [part, code] : failures)
    out.unusable.push_back(fmt::format("part {} of {}: {}", part, parts, mbedtls_words(code)));
  if (!out.usable.empty()) return out;
  return base::fail(base::errc::invalid,
                    parts == 0 ? "there is no certificate in it" : std::move(out.unusable.front()));
}

// Layout (RFC 8446 4.1.2): record header (type, version, length), handshake header (type, length), version,
// random, session id, then the list of ciphers. A message may be cut into records anywhere (5.1); nothing
// behind the first record is looked at.
client_hello look_at_client_hello(base::bytes_span bytes) {
  constexpr std::uint8_t handshake_record = 22;
  constexpr std::size_t header_size = 5;
  constexpr std::size_t session_id_at = header_size + 4 + 2 + 32;
  if (bytes.empty()) return client_hello::incomplete;
  if (bytes[0] != handshake_record || (bytes.size() > 1 && bytes[1] != 3)) return client_hello::no_tls;
  if (bytes.size() < header_size) return client_hello::incomplete;
  const std::size_t record_end = header_size + base::load_be<std::uint16_t>(bytes.data() + 3);
  const client_hello without = bytes.size() < record_end ? client_hello::incomplete : client_hello::other;
  bytes = bytes.first(std::min(bytes.size(), record_end));
  if (bytes.size() <= session_id_at) return without;
  const std::size_t ciphers_at = session_id_at + 1 + bytes[session_id_at];
  if (bytes.size() < ciphers_at + 2) return without;
  const std::size_t end = ciphers_at + 2 + base::load_be<std::uint16_t>(bytes.data() + ciphers_at);
  for (std::size_t at = ciphers_at + 2; at + 2 <= end; at += 2) {
    if (bytes.size() < at + 2) return without;
    if (base::load_be<std::uint16_t>(bytes.data() + at) == fastest) return client_hello::fastest_cipher;
  }
  return client_hello::other;
}

} // namespace coppice::net
