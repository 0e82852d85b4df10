// SPDX-License-Identifier: MIT
// mbedTLS's texts name only a field of a certificate; these name its value too. Text that a peer chose is
// escaped. Any thread.
#include "net/tls/tls_words.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/printable.hpp"

namespace coppice::net {
namespace {

// how much of a certificate a sentence shows
constexpr std::size_t most_names = 5;
constexpr std::size_t longest_name = 100;

struct alert {
  std::uint8_t number;
  std::string_view name;
  std::string_view words; // empty: the name says it all
};

constexpr std::string_view other_faults =
    "something it finds wrong with our certificate; its log may say what";

constexpr std::string_view no_certificate = "it wants a certificate and we have none";

constexpr std::array<alert, 25> alerts{{
    {MBEDTLS_SSL_ALERT_MSG_CLOSE_NOTIFY, "close_notify", "it ends the connection"},
    {MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE, "unexpected_message", ""},
    {MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC, "bad_record_mac", ""},
    {MBEDTLS_SSL_ALERT_MSG_RECORD_OVERFLOW, "record_overflow", ""},
    {MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE, "handshake_failure",
     "no cipher or kind of key in common, or our certificate is not for the host it wants"},
    {MBEDTLS_SSL_ALERT_MSG_NO_CERT, "no_certificate", no_certificate},
    {MBEDTLS_SSL_ALERT_MSG_BAD_CERT, "bad_certificate",
     "it does not accept our certificate, which may not be for the host it wants"},
    {MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT, "unsupported_certificate",
     "our certificate is of a kind, or for a purpose, that it does not accept"},
    {MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED, "certificate_revoked", "our certificate has been revoked"},
    {MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED, "certificate_expired", "our certificate has expired"},
    {MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN, "certificate_unknown", other_faults},
    {MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER, "illegal_parameter", ""},
    {MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA, "unknown_ca",
     "it does not know the authority (ca) that signed our certificate"},
    {MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED, "access_denied", "it accepts our certificate, and not us"},
    {MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR, "decode_error", ""},
    {MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR, "decrypt_error", "a signature or key of ours is wrong to it"},
    {MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION, "protocol_version", "no TLS version in common"},
    {MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY, "insufficient_security", "it wants stronger ciphers"},
    {MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR, "internal_error", "it failed itself; its log may say how"},
    {MBEDTLS_SSL_ALERT_MSG_USER_CANCELED, "user_canceled", ""},
    {MBEDTLS_SSL_ALERT_MSG_MISSING_EXTENSION, "missing_extension", ""},
    {MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_EXT, "unsupported_extension", ""},
    {MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME, "unrecognized_name",
     "it has no certificate for the host we want"},
    {MBEDTLS_SSL_ALERT_MSG_CERT_REQUIRED, "certificate_required", no_certificate},
    {MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL, "no_application_protocol",
     "it speaks none of the protocols (alpn) we offer"},
}};

std::string shown(std::string_view name) {
  return base::printable(name.substr(0, longest_name));
}

std::string date(const mbedtls_x509_time& time) {
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", time.year, time.mon, time.day, time.hour, time.min);
}

// The issuer as mbedTLS prints it: "CN=…, O=…".
std::string issuer_of(const mbedtls_x509_crt& certificate) {
  std::array<char, 256> text{};
  const int length = mbedtls_x509_dn_gets(text.data(), text.size(), &certificate.issuer);
  return length < 0 ? "a name that cannot be read" : shown(text.data());
}

std::string alternative_words(const mbedtls_x509_buf& name) {
  const auto* bytes = reinterpret_cast<const char*>(name.p);
  std::array<char, INET6_ADDRSTRLEN> text{};
  switch (name.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) {
    case MBEDTLS_X509_SAN_DNS_NAME:
      return "DNS:" + shown({bytes, name.len});
    case MBEDTLS_X509_SAN_IP_ADDRESS:
      if (name.len != sizeof(in_addr) && name.len != sizeof(in6_addr)) return "";
      inet_ntop(name.len == sizeof(in_addr) ? AF_INET : AF_INET6, bytes, text.data(), text.size());
      return std::string("IP:") + text.data();
    default:
      return "";
  }
}

std::string hosts_of(const mbedtls_x509_crt& certificate) {
  std::vector<std::string> names;
  for (const auto* each = &certificate.subject_alt_names; each != nullptr && each->buf.p != nullptr;
       each = each->next) {
    if (names.size() == most_names) {
      names.emplace_back("…");
      break;
    }
    if (auto words = alternative_words(each->buf); !words.empty()) names.push_back(std::move(words));
  }
  return names.empty() ? "no host" : fmt::format("{}", fmt::join(names, ", "));
}

// The remaining flags in mbedTLS's words.
std::string rest_words(std::uint32_t flags) {
  std::array<char, 512> text{};
  mbedtls_x509_crt_verify_info(text.data(), text.size(), "", flags);
  std::string words = text.data();
  while (!words.empty() && words.back() == '\n') words.pop_back();
  std::replace(words.begin(), words.end(), '\n', ';');
  return words;
}

} // namespace

std::string alert_words(std::uint8_t number) {
  const auto* known =
      std::find_if(alerts.begin(), alerts.end(), [number](const alert& one) { return one.number == number; });
  if (known == alerts.end()) return fmt::format("alert {}", number);
  return fmt::format("{} ({}){}{}", known->name, number, known->words.empty() ? "" : ": ", known->words);
}

std::string refusal_words(const mbedtls_x509_crt& certificate, std::uint32_t flags, std::string_view host) {
  std::vector<std::string> all;
  const auto take = [&flags](std::uint32_t flag) {
    const bool set = (flags & flag) != 0;
    flags &= ~flag;
    return set;
  };
  if (take(MBEDTLS_X509_BADCERT_EXPIRED)) all.push_back("it expired on " + date(certificate.valid_to));
  if (take(MBEDTLS_X509_BADCERT_FUTURE)) {
    all.push_back(
        fmt::format("it is valid from {} on, and a clock may be wrong", date(certificate.valid_from)));
  }
  if (take(MBEDTLS_X509_BADCERT_NOT_TRUSTED)) {
    all.push_back(
        fmt::format("no authority (ca) known here signed it (its issuer: {})", issuer_of(certificate)));
  }
  if (take(MBEDTLS_X509_BADCERT_CN_MISMATCH)) {
    all.push_back(fmt::format("it is for {}, and wanted is {}", hosts_of(certificate), host));
  }
  if (flags != 0) all.push_back(rest_words(flags));
  return fmt::format("{}", fmt::join(all, "; "));
}

} // namespace coppice::net
