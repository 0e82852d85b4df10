// SPDX-License-Identifier: MIT
// http_engine over llhttp. One thread.
#include <llhttp.h>

#include "net/http/http_engine.hpp"

namespace coppice::net {

struct http_engine::parser {
  explicit parser(events& its) : to(its) {}

  static parser& of(llhttp_t* raw) { return *static_cast<parser*>(raw->data); }

  template <bool (events::*Event)(std::string_view)>
  static int piece(llhttp_t* raw, const char* at, std::size_t length) {
    return (of(raw).to.*Event)({at, length}) ? HPE_OK : HPE_USER;
  }

  static int head(llhttp_t* raw) { return of(raw).to.on_head() ? HPE_OK : -1; }

  // Called for a request without a body; pauses the parser right behind it.
  static int complete(llhttp_t* raw) {
    of(raw).is_complete = true;
    return HPE_PAUSED;
  }

  static const llhttp_settings_t& settings() {
    static const llhttp_settings_t all = [] {
      llhttp_settings_t made;
      llhttp_settings_init(&made);
      made.on_url = piece<&events::on_target>;
      made.on_header_field = piece<&events::on_field>;
      made.on_header_value = piece<&events::on_value>;
      made.on_headers_complete = head;
      made.on_message_complete = complete;
      return made;
    }();
    return all;
  }

  events& to;
  llhttp_t raw{};
  bool is_complete = false;
};

http_engine::http_engine(events& to) : parser_(std::make_unique<parser>(to)) {
  reset();
}

http_engine::~http_engine() = default;

void http_engine::reset() {
  llhttp_init(&parser_->raw, HTTP_REQUEST, &parser::settings());
#if LLHTTP_VERSION_MAJOR >= 9
  llhttp_set_lenient_version(&parser_->raw, 1); // http_reader decides which versions are accepted
#endif
  parser_->raw.data = parser_.get();
  parser_->is_complete = false;
}

http_engine::outcome http_engine::feed(std::string_view bytes) {
  llhttp_t& raw = parser_->raw;
  const llhttp_errno_t how = llhttp_execute(&raw, bytes.data(), bytes.size());
  if (how == HPE_OK) return {bytes.size(), state::more};
  const char* const stopped = llhttp_get_error_pos(&raw);
  const std::size_t consumed = stopped == nullptr ? 0 : static_cast<std::size_t>(stopped - bytes.data());
  return {consumed, parser_->is_complete ? state::complete : state::failed};
}

std::string_view http_engine::method() const {
  return llhttp_method_name(static_cast<llhttp_method_t>(llhttp_get_method(&parser_->raw)));
}

unsigned http_engine::major() const {
  return llhttp_get_http_major(&parser_->raw);
}

unsigned http_engine::minor() const {
  return llhttp_get_http_minor(&parser_->raw);
}

http_engine::fault http_engine::why() const {
  switch (llhttp_get_errno(&parser_->raw)) {
    case HPE_OK:
    case HPE_PAUSED:
    case HPE_PAUSED_UPGRADE:
      return fault::none;
    case HPE_INVALID_METHOD:
      return fault::method;
    case HPE_INVALID_VERSION:
      return fault::version;
    default:
      return fault::syntax;
  }
}

} // namespace coppice::net
