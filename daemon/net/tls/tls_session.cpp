// SPDX-License-Identifier: MIT
// mbedTLS reads and writes through two functions: give(), which takes from hello_ and input_, and one that
// appends to output_. The owner's thread.
#include "net/tls/tls_session.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/oid.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

#include "net/tls/mbedtls_context.hpp"
#include "net/tls/tls_words.hpp"

namespace coppice::net {
namespace {

constexpr std::size_t record_size = 16 * 1024;
// bytes; a ClientHello whose ciphers come later is served as if it did not offer the fast cipher
constexpr std::size_t longest_look = 2048;
constexpr int most_waits = 8;
// Records without data in a row, as many as OpenSSL accepts. RFC 8446 5.1 lets a peer hide its traffic that
// way.
constexpr int most_empty = 32;
constexpr std::size_t most_refusals = 1024; // bytes; each refusal has a few dozen, in the whole connection
// The alert for a peer that does not speak TLS: it may know the format and report it.
constexpr std::array<std::uint8_t, 7> unexpected_message{21, 3, 3, 0, 2, 2, 10};

constexpr unsigned char key_update = 24; // RFC 8446 4.6.3

// An IPv4 or IPv6 address as certificates hold it. Empty: `host` is a name.
std::vector<std::uint8_t> address_of(const std::string& host) {
  std::vector<std::uint8_t> out(sizeof(in6_addr));
  if (inet_pton(AF_INET6, host.c_str(), out.data()) == 1) return out;
  out.resize(sizeof(in_addr));
  if (inet_pton(AF_INET, host.c_str(), out.data()) == 1) return out;
  return {};
}

// Looks where mbedTLS looks: among the alternative names, and in the subject if the certificate has none.
bool is_for_address(const mbedtls_x509_crt& certificate, const std::vector<std::uint8_t>& address,
                    std::string_view text) {
  if (mbedtls_x509_crt_has_ext_type(&certificate, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME) == 0) {
    for (const mbedtls_x509_name* each = &certificate.subject; each != nullptr; each = each->next)
      if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &each->oid) == 0 &&
          text == std::string_view(reinterpret_cast<const char*>(each->val.p), each->val.len))
        return true;
    return false;
  }
  for (const auto* each = &certificate.subject_alt_names; each != nullptr && each->buf.p != nullptr;
       each = each->next) {
    if ((each->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_IP_ADDRESS &&
        std::equal(address.begin(), address.end(), each->buf.p, each->buf.p + each->buf.len))
      return true;
  }
  return false;
}

} // namespace

struct tls_session::library : owned<mbedtls_ssl_context, mbedtls_ssl_init, mbedtls_ssl_free> {};

tls_session::tls_session(std::shared_ptr<const tls_context> context, std::string host)
    : context_(std::move(context)), host_(std::move(host)) {}
tls_session::~tls_session() = default;

base::status tls_session::set_up() {
  bool fastest = false;
  if (!is_client()) {
    hello_.insert(hello_.end(), input_.begin(), input_.end());
    input_ = {};
    const auto seen = look_at_client_hello(hello_);
    if (seen == client_hello::no_tls) {
      output_.append(unexpected_message);
      return base::fail(base::errc::invalid,
                        "this port speaks TLS, and the peer opened without it: is its end set to tls: off?");
    }
    if (seen == client_hello::incomplete && hello_.size() < longest_look) return {};
    fastest = seen == client_hello::fastest_cipher;
  }
  ssl_ = std::make_unique<library>();
  if (auto done = check_mbedtls(mbedtls_ssl_setup(ssl_->get(), context_->config(fastest)), "tls"); !done) {
    return done;
  }
  // mbedTLS refuses a client that never set a host name. An address may not be sent as the server's name (RFC
  // 6066 3), but mbedTLS would send it; judged() compares it instead.
  if (is_client()) {
    address_ = address_of(host_);
    const char* host = host_.empty() || !address_.empty() ? nullptr : host_.c_str();
    if (auto done = check_mbedtls(mbedtls_ssl_set_hostname(ssl_->get(), host), "tls"); !done) return done;
  }
  mbedtls_ssl_set_verify(
      ssl_->get(),
      [](void* self, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags) {
        static_cast<tls_session*>(self)->judged(*certificate, depth == 0, *flags);
        return 0;
      },
      this);
  mbedtls_ssl_set_bio(
      ssl_->get(), this,
      [](void* self, const unsigned char* bytes, std::size_t size) {
        static_cast<tls_session*>(self)->output_.append({bytes, size});
        return static_cast<int>(size);
      },
      [](void* self, unsigned char* to, std::size_t size) {
        auto* session = static_cast<tls_session*>(self);
        const int given = session->give(to, size);
        if (given > 0 && !session->established_) session->remember({to, static_cast<std::size_t>(given)});
        return given;
      },
      nullptr);
  return {};
}

int tls_session::give(unsigned char* to, std::size_t size) {
  if (hello_read_ < hello_.size()) {
    const std::size_t count = std::min(size, hello_.size() - hello_read_);
    std::memcpy(to, hello_.data() + hello_read_, count);
    hello_read_ += count;
    if (hello_read_ == hello_.size()) {
      hello_ = {};
      hello_read_ = 0;
    }
    return static_cast<int>(count);
  }
  if (input_.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
  const std::size_t count = std::min(size, input_.size());
  std::memcpy(to, input_.data(), count);
  input_ = input_.subspan(count);
  return static_cast<int>(count);
}

void tls_session::keep_input() {
  hello_.erase(hello_.begin(), hello_.begin() + static_cast<std::ptrdiff_t>(hello_read_));
  hello_read_ = 0;
  hello_.insert(hello_.end(), input_.begin(), input_.end());
  input_ = {};
}

// Keeps the last bytes read in the handshake. mbedTLS reads a record's header and its body, and nothing
// beyond.
void tls_session::remember(base::bytes_span read) {
  const std::size_t fresh = std::min(read.size(), last_read_.size());
  std::copy(last_read_.begin() + static_cast<std::ptrdiff_t>(fresh), last_read_.end(), last_read_.begin());
  std::copy(read.end() - static_cast<std::ptrdiff_t>(fresh), read.end(),
            last_read_.end() - static_cast<std::ptrdiff_t>(fresh));
}

// Some clients, mbedTLS's among them, refuse a server's TLS 1.3 certificate with an unencrypted alert, but
// mbedTLS's server accepts only encrypted records then. An attacker on the way may have sent the alert, so
// it only explains why the handshake failed.
std::optional<std::uint8_t> tls_session::alert_in_the_clear() const {
  constexpr std::array<std::uint8_t, 5> header{MBEDTLS_SSL_MSG_ALERT, 3, 3, 0, 2};
  if (!std::equal(header.begin(), header.end(), last_read_.begin())) return std::nullopt;
  return last_read_.back();
}

void tls_session::judged(const mbedtls_x509_crt& certificate, bool is_leaf, std::uint32_t& flags) {
  if (is_leaf && !address_.empty() && !is_for_address(certificate, address_, host_))
    flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
  if (refused_.empty()) refused_ = refusal_words(certificate, flags, host_);
}

// Bytes that a server sends after its Finished, including alerts, are encrypted with the application keys
// (RFC 8446 4.4.4). mbedTLS switches to them only when the client's Finished has come, so a client could not
// read why its certificate is refused. Only alerts are sent in between, and mbedTLS sets the keys again with
// the counter at zero.
void tls_session::take_application_keys() {
  mbedtls_ssl_context& ssl = *ssl_->get();
  if (ssl.MBEDTLS_PRIVATE(state) != MBEDTLS_SSL_CLIENT_CERTIFICATE) return;
  if (is_client() || ssl.MBEDTLS_PRIVATE(transform_application) == nullptr) return;
  if (ssl.MBEDTLS_PRIVATE(transform_out) == ssl.MBEDTLS_PRIVATE(transform_application)) return;
  ssl.MBEDTLS_PRIVATE(transform_out) = ssl.MBEDTLS_PRIVATE(transform_application);
  std::fill(std::begin(ssl.MBEDTLS_PRIVATE(cur_out_ctr)), std::end(ssl.MBEDTLS_PRIVATE(cur_out_ctr)), 0);
}

base::result<tls_session::progress> tls_session::step() {
  if (established_) return progress::done;
  if (!ssl_) {
    if (auto done = set_up(); !done) return unexpected(std::move(done.error()));
    return ssl_ ? progress::more_steps : progress::needs_input;
  }
  const int code = mbedtls_ssl_handshake_step(ssl_->get());
  if (code == MBEDTLS_ERR_SSL_WANT_READ) return has_input() ? progress::more_steps : progress::needs_input;
  if (code != 0 && code != MBEDTLS_ERR_SSL_WANT_WRITE) return unexpected(explain(code));
  take_application_keys();
  established_ = mbedtls_ssl_is_handshake_over(ssl_->get()) != 0;
  return established_ ? progress::done : progress::more_steps;
}

base::error tls_session::explain(int code) const {
  const auto failed = [](base::errc kind, std::string why) {
    return base::error{kind, "TLS handshake: " + std::move(why)};
  };
  const auto refuses = [&failed](std::uint8_t alert) {
    return failed(base::errc::refused, "the peer refuses: " + alert_words(alert));
  };
  if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
    return refuses(ssl_->get()->MBEDTLS_PRIVATE(in_msg)[1]);
  }
  if (const auto alert = alert_in_the_clear()) return refuses(*alert);
  switch (code) {
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
      return failed(base::errc::refused, "the peer's certificate is not accepted: " + refused_);
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
      return failed(base::errc::refused, "the peer shows no certificate, and verify is peer");
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
      return failed(base::errc::refused,
                    "the peer offers no version of TLS that is allowed here; 1.2 needs min_version: 1.2");
    case MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL:
      return failed(base::errc::refused, "the peer offers none of the protocols (alpn) that are spoken here");
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
      return failed(base::errc::refused, "no cipher or kind of key in common with the peer");
    case MBEDTLS_ERR_SSL_INVALID_MAC:
      // Servers of mbedTLS encrypt the alert that refuses a client's certificate with the wrong keys.
      return failed(base::errc::refused,
                    "the peer ended it with an alert that cannot be read, most likely because it does not "
                    "accept our certificate: its log says why");
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
    case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
      if (is_client()) {
        return failed(base::errc::invalid, "the peer answers without TLS: is its listener set to tls: off?");
      }
      break;
    default:
      break;
  }
  return failed(base::errc::invalid, mbedtls_words(code));
}

base::error tls_session::cut_short() const {
  if (is_client()) {
    return {base::errc::refused,
            "TLS handshake: the peer closed the connection: is its listener set to tls: off?"};
  }
  return {base::errc::refused, "TLS handshake: the peer closed the connection before its end"};
}

base::result<std::size_t> tls_session::open(std::span<std::uint8_t> into) {
  if (peer_ended_) return 0;
  mbedtls_ssl_context& ssl = *ssl_->get();
  for (int waits = 0;;) {
    const std::size_t before = output_.bytes();
    const int code = mbedtls_ssl_read(&ssl, into.data(), into.size());
    // Reading writes only refusals: a TLS 1.2 peer that asks for another handshake is told that there is
    // none.
    if (code >= 0 || code == MBEDTLS_ERR_SSL_WANT_READ) refusals_ += output_.bytes() - before;
    if (refusals_ > most_refusals)
      return base::fail(base::errc::refused, "TLS: the peer asks for another handshake, again and again");
    // mbedTLS counts records without data in a row and accepts three; the count is taken over here.
    empty_ = code > 0 ? 0 : empty_ + std::exchange(ssl.MBEDTLS_PRIVATE(nb_zero), 0);
    if (empty_ > most_empty) return refuse(code, "the peer sends records without data, and nothing else");
    if (code > 0) {
      opened_any_ = true;
      return static_cast<std::size_t>(code);
    }
    // The second of two records without data. 0 has no other cause, because give() reports no end.
    if (code == 0) continue;
    // Tickets are not used, and other records may follow.
    if (code == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) continue;
    if (code == MBEDTLS_ERR_SSL_WANT_READ) {
      // mbedTLS may say so once while a handshake message is still in its buffer.
      const bool more = has_input() || mbedtls_ssl_check_pending(&ssl) != 0;
      // Each round takes some of the input, so the bound is never met with input left.
      assert(!more || waits < most_waits);
      if (!more || ++waits > most_waits) return 0;
      continue;
    }
    if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
      peer_ended_ = true;
      return 0;
    }
    // A client's certificate is checked after the client's handshake is over.
    const bool refused = !opened_any_ && code == MBEDTLS_ERR_SSL_INVALID_MAC;
    if (refused || code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) return unexpected(explain(code));
    if (changes_keys(code)) {
      return refuse(code,
                    "the peer changes its keys (KeyUpdate), which is not spoken here: set it not to, "
                    "or to do so later");
    }
    return refuse(code, "what the peer sent is damaged: " + mbedtls_words(code));
  }
}

// mbedTLS knows only tickets among the messages behind a TLS 1.3 handshake.
bool tls_session::changes_keys(int code) const {
  const mbedtls_ssl_context& ssl = *ssl_->get();
  return code == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE && version() == "1.3" &&
         ssl.MBEDTLS_PRIVATE(in_msgtype) == MBEDTLS_SSL_MSG_HANDSHAKE &&
         ssl.MBEDTLS_PRIVATE(in_msg)[0] == key_update;
}

// Tells the peer by an alert; for some codes mbedTLS has written it already.
unexpected<base::error> tls_session::refuse(int code, std::string why) {
  if (code == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE || code == 0 || code == MBEDTLS_ERR_SSL_WANT_READ) {
    mbedtls_ssl_send_alert_message(ssl_->get(), MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                   MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE);
  }
  return base::fail(base::errc::invalid, "TLS: " + std::move(why));
}

base::status tls_session::seal(write_queue& from) {
  base::bytes_span part = from.front();
  if (part.size() < record_size && part.size() < from.bytes()) {
    record_.resize(record_size);
    part = {record_.data(), from.copy_to(record_)};
  }
  part = part.first(std::min(part.size(), record_size));
  const int code = mbedtls_ssl_write(ssl_->get(), part.data(), part.size());
  if (code < 0) return base::fail(base::errc::internal, "TLS: write: " + mbedtls_words(code));
  from.advance(static_cast<std::size_t>(code));
  return {};
}

base::status tls_session::end() {
  const int code = mbedtls_ssl_close_notify(ssl_->get());
  if (code != 0) return base::fail(base::errc::internal, "TLS: close: " + mbedtls_words(code));
  return {};
}

std::string_view tls_session::version() const {
  if (!established_) return {};
  return mbedtls_ssl_get_version_number(ssl_->get()) == MBEDTLS_SSL_VERSION_TLS1_3 ? "1.3" : "1.2";
}

std::string_view tls_session::protocol() const {
  const char* chosen = established_ ? mbedtls_ssl_get_alpn_protocol(ssl_->get()) : nullptr;
  return chosen == nullptr ? std::string_view{} : chosen;
}

std::optional<peer_certificate> tls_session::peer() const {
  const mbedtls_x509_crt* shown = established_ ? mbedtls_ssl_get_peer_cert(ssl_->get()) : nullptr;
  if (shown == nullptr) return std::nullopt;
  return describe(*shown);
}

} // namespace coppice::net
