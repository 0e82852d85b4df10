// SPDX-License-Identifier: MIT
// Uses mbedTLS's certificate writer. Random bytes come directly from the kernel. Any thread.
#include "net/tls/certificate.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <memory>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "net/tls/mbedtls_context.hpp"

namespace coppice::net {
namespace {

using key_context = owned<mbedtls_pk_context, mbedtls_pk_init, mbedtls_pk_free>;
using parsed_certificate = owned<mbedtls_x509_crt, mbedtls_x509_crt_init, mbedtls_x509_crt_free>;
using certificate_writer =
    owned<mbedtls_x509write_cert, mbedtls_x509write_crt_init, mbedtls_x509write_crt_free>;

// mbedTLS wants PEM with its terminating zero counted.
base::status parse_key(key_context& key, const std::string& pem) {
  return check_mbedtls(mbedtls_pk_parse_key(key.get(), reinterpret_cast<const unsigned char*>(pem.c_str()),
                                            pem.size() + 1, nullptr, 0, kernel_random, nullptr),
                       "read a key");
}

base::status parse_certificate(parsed_certificate& certificate, std::string_view pem) {
  const std::string text(pem);
  return check_mbedtls(
      mbedtls_x509_crt_parse(certificate.get(), reinterpret_cast<const unsigned char*>(text.c_str()),
                             text.size() + 1),
      "read a certificate");
}

base::status generate_key(key_context& key) {
  if (auto done = check_mbedtls(mbedtls_pk_setup(key.get(), mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)),
                                "make a key");
      !done) {
    return done;
  }
  return check_mbedtls(
      mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key.get()), kernel_random, nullptr),
      "make a key");
}

// A name in the form of the extension: an address as raw bytes, anything else as a DNS name.
struct alternative_name {
  int type = MBEDTLS_X509_SAN_DNS_NAME;
  std::string bytes;

  auto operator<=>(const alternative_name&) const = default;
};

alternative_name to_alternative(const std::string& name) {
  std::array<char, sizeof(in6_addr)> raw{};
  if (inet_pton(AF_INET, name.c_str(), raw.data()) == 1) {
    return {MBEDTLS_X509_SAN_IP_ADDRESS, std::string(raw.data(), sizeof(in_addr))};
  }
  if (inet_pton(AF_INET6, name.c_str(), raw.data()) == 1) {
    return {MBEDTLS_X509_SAN_IP_ADDRESS, std::string(raw.data(), sizeof(in6_addr))};
  }
  return {MBEDTLS_X509_SAN_DNS_NAME, name};
}

std::vector<alternative_name> to_alternatives(const std::vector<std::string>& names) {
  std::vector<alternative_name> all;
  for (const std::string& name : names) {
    all.push_back(to_alternative(name));
    // See issue_leaf() for the reason.
    if (all.back().type != MBEDTLS_X509_SAN_DNS_NAME) all.push_back({MBEDTLS_X509_SAN_DNS_NAME, name});
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<alternative_name> alternatives_of(parsed_certificate& certificate) {
  std::vector<alternative_name> all;
  for (const mbedtls_x509_sequence* each = &certificate->subject_alt_names; each != nullptr;
       each = each->next) {
    if (each->buf.p == nullptr) continue;
    const int type = each->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
    all.push_back({type, std::string(reinterpret_cast<const char*>(each->buf.p), each->buf.len)});
  }
  std::sort(all.begin(), all.end());
  return all;
}

base::status set_alternatives(certificate_writer& writer, std::vector<alternative_name>& names) {
  std::vector<mbedtls_x509_san_list> list(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    list[i].node.type = names[i].type;
    list[i].node.san.unstructured_name.p = reinterpret_cast<unsigned char*>(names[i].bytes.data());
    list[i].node.san.unstructured_name.len = names[i].bytes.size();
    list[i].next = i + 1 < names.size() ? &list[i + 1] : nullptr;
  }
  return check_mbedtls(mbedtls_x509write_crt_set_subject_alternative_name(writer.get(), list.data()),
                       "name a certificate");
}

base::status set_purposes(certificate_writer& writer) {
  // The writer copies what it is given, so the list can lie on the stack.
  const auto oid = [](const char* text, std::size_t size) {
    mbedtls_asn1_sequence purpose{};
    purpose.buf.tag = MBEDTLS_ASN1_OID;
    purpose.buf.p = reinterpret_cast<unsigned char*>(const_cast<char*>(text));
    purpose.buf.len = size;
    return purpose;
  };
  mbedtls_asn1_sequence client = oid(MBEDTLS_OID_CLIENT_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH));
  mbedtls_asn1_sequence server = oid(MBEDTLS_OID_SERVER_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH));
  server.next = &client;
  return check_mbedtls(mbedtls_x509write_crt_set_ext_key_usage(writer.get(), &server), "write a certificate");
}

// YYYYMMDDhhmmss in UTC.
std::string x509_time(base::nanos wall) {
  const auto seconds = static_cast<time_t>(wall / base::nanos_per_second);
  tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

base::nanos to_wall(const mbedtls_x509_time& time) {
  tm parts{};
  parts.tm_year = time.year - 1900;
  parts.tm_mon = time.mon - 1;
  parts.tm_mday = time.day;
  parts.tm_hour = time.hour;
  parts.tm_min = time.min;
  parts.tm_sec = time.sec;
  // 9999-12-31, which stands for no end (RFC 5280 4.1.2.5), is beyond what nanoseconds can express.
  constexpr base::nanos last_second = std::numeric_limits<base::nanos>::max() / base::nanos_per_second;
  return std::min(static_cast<base::nanos>(timegm(&parts)), last_second) * base::nanos_per_second;
}

// Writes the fields that authorities and leaves have in common.
base::status begin(certificate_writer& writer, key_context& subject, key_context& issuer, base::nanos now,
                   base::nanos lifetime) {
  std::array<unsigned char, 16> serial{};
  base::random_bytes(serial);
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40); // positive, and always of full length
  mbedtls_x509write_crt_set_version(writer.get(), MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(writer.get(), MBEDTLS_MD_SHA256);
  mbedtls_x509write_crt_set_subject_key(writer.get(), subject.get());
  mbedtls_x509write_crt_set_issuer_key(writer.get(), issuer.get());
  int code = mbedtls_x509write_crt_set_serial_raw(writer.get(), serial.data(), serial.size());
  if (code == 0) {
    code = mbedtls_x509write_crt_set_validity(writer.get(), x509_time(now - one_day).c_str(),
                                              x509_time(now + lifetime).c_str());
  }
  if (code == 0) code = mbedtls_x509write_crt_set_subject_key_identifier(writer.get());
  if (code == 0) code = mbedtls_x509write_crt_set_authority_key_identifier(writer.get());
  return check_mbedtls(code, "write a certificate");
}

base::result<certificate_pair> finish(certificate_writer& writer, key_context& key) {
  std::array<unsigned char, 4096> certificate{};
  std::array<unsigned char, 2048> secret{};
  int code =
      mbedtls_x509write_crt_pem(writer.get(), certificate.data(), certificate.size(), kernel_random, nullptr);
  if (code == 0) code = mbedtls_pk_write_key_pem(key.get(), secret.data(), secret.size());
  if (auto done = check_mbedtls(code, "write a certificate"); !done)
    return unexpected(std::move(done.error()));
  certificate_pair made{reinterpret_cast<const char*>(certificate.data()),
                        reinterpret_cast<const char*>(secret.data())};
  base::wipe(secret);
  return made;
}

// Reads the certificate and the key, and checks that they belong together.
base::status load(const certificate_pair& pair, parsed_certificate& certificate, key_context& key) {
  if (auto done = parse_certificate(certificate, pair.certificate); !done) return done;
  if (auto done = parse_key(key, pair.key); !done) return done;
  return check_mbedtls(mbedtls_pk_check_pair(&certificate->pk, key.get(), kernel_random, nullptr),
                       "a certificate and its key do not belong together");
}

base::status check_time(parsed_certificate& certificate, base::nanos now, base::nanos remaining) {
  if (now < to_wall(certificate->valid_from))
    return base::fail(base::errc::timeout, "the certificate is not valid yet");
  if (to_wall(certificate->valid_to) - now < remaining) {
    return base::fail(base::errc::timeout, "the certificate has expired or soon will");
  }
  return {};
}

} // namespace

base::result<certificate_pair> make_authority(base::nanos now, base::nanos lifetime) {
  key_context key;
  certificate_writer writer;
  if (auto done = generate_key(key); !done) return unexpected(std::move(done.error()));
  // A new name each time, so that a peer that trusts two authorities can tell which one signed.
  const std::string name = fmt::format("CN=Coppice CA {:08x}", base::random_u32());
  int code = mbedtls_x509write_crt_set_subject_name(writer.get(), name.c_str());
  if (code == 0) code = mbedtls_x509write_crt_set_issuer_name(writer.get(), name.c_str());
  if (code == 0) code = mbedtls_x509write_crt_set_basic_constraints(writer.get(), 1, 0);
  if (code == 0) {
    code = mbedtls_x509write_crt_set_key_usage(writer.get(),
                                               MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN);
  }
  if (auto done = check_mbedtls(code, "write a certificate"); !done)
    return unexpected(std::move(done.error()));
  if (auto done = begin(writer, key, key, now, lifetime); !done) {
    return unexpected(std::move(done.error()));
  }
  return finish(writer, key);
}

base::result<certificate_pair> issue_leaf(const certificate_pair& authority,
                                          const std::vector<std::string>& names, base::nanos now,
                                          base::nanos lifetime) {
  if (names.empty()) return base::fail(base::errc::invalid, "a certificate needs a host name or address");
  parsed_certificate issuer;
  key_context issuer_key;
  if (auto done = load(authority, issuer, issuer_key); !done) return unexpected(std::move(done.error()));
  std::array<char, 256> issuer_name{};
  const int length = mbedtls_x509_dn_gets(issuer_name.data(), issuer_name.size(), &issuer->subject);
  if (length < 0) return base::fail(base::errc::invalid, "read the authority's name");

  key_context key;
  certificate_writer writer;
  if (auto done = generate_key(key); !done) return unexpected(std::move(done.error()));
  int code = mbedtls_x509write_crt_set_subject_name(writer.get(), "CN=Coppice node");
  if (code == 0) code = mbedtls_x509write_crt_set_issuer_name(writer.get(), issuer_name.data());
  if (code == 0) code = mbedtls_x509write_crt_set_basic_constraints(writer.get(), 0, -1);
  if (code == 0) code = mbedtls_x509write_crt_set_key_usage(writer.get(), MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
  auto done = check_mbedtls(code, "write a certificate");
  if (done) done = set_purposes(writer);
  std::vector<alternative_name> alternatives = to_alternatives(names);
  if (done) done = set_alternatives(writer, alternatives);
  if (done) done = begin(writer, key, issuer_key, now, lifetime);
  if (!done) return unexpected(std::move(done.error()));
  return finish(writer, key);
}

base::result<base::nanos> end_of_validity(std::string_view certificate) {
  parsed_certificate parsed;
  if (auto done = parse_certificate(parsed, certificate); !done) return unexpected(std::move(done.error()));
  return to_wall(parsed->valid_to);
}

base::status check_pair(const certificate_pair& pair, base::nanos now, base::nanos remaining) {
  parsed_certificate certificate;
  key_context key;
  if (auto done = load(pair, certificate, key); !done) return done;
  return check_time(certificate, now, remaining);
}

base::status check_leaf(const certificate_pair& leaf, std::string_view authority,
                        const std::vector<std::string>& names, base::nanos now, base::nanos remaining) {
  parsed_certificate issuer;
  parsed_certificate certificate;
  key_context key;
  if (auto done = parse_certificate(issuer, authority); !done) return done;
  if (auto done = load(leaf, certificate, key); !done) return done;
  if (auto done = check_time(certificate, now, remaining); !done) return done;
  std::uint32_t flags = 0;
  const int code =
      mbedtls_x509_crt_verify(certificate.get(), issuer.get(), nullptr, nullptr, &flags, nullptr, nullptr);
  // The time was checked against the caller's clock.
  flags &= ~static_cast<std::uint32_t>(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
  if (code != 0 && (code != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || flags != 0)) {
    return base::fail(base::errc::invalid, "the certificate is not signed by its authority");
  }
  if (alternatives_of(certificate) != to_alternatives(names)) {
    return base::fail(base::errc::invalid, "the certificate is for other names");
  }
  return {};
}

} // namespace coppice::net
