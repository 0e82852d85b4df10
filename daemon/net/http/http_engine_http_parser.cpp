// SPDX-License-Identifier: MIT
// http_engine over http-parser 2.9. One thread.
#include <http_parser.h>

#include "net/http/http_engine.hpp"

namespace coppice::net {

struct http_engine::parser {
  explicit parser(events& its) : to(its) {}

  static parser& of(http_parser* raw) { return *static_cast<parser*>(raw->data); }

  template <bool (events::*Event)(std::string_view)>
  static int piece(http_parser* raw, const char* at, std::size_t length) {
    return (of(raw).to.*Event)({at, length}) ? 0 : 1;
  }

  static int head(http_parser* raw) { return of(raw).to.on_head() ? 0 : -1; }

  // Called for a request without a body; pauses the parser right behind it.
  static int complete(http_parser* raw) {
    of(raw).is_complete = true;
    http_parser_pause(raw, 1);
    return 0;
  }

  static const http_parser_settings& settings() {
    static const http_parser_settings all = [] {
      http_parser_settings made;
      http_parser_settings_init(&made);
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
  http_parser raw{};
  bool is_complete = false;
};

http_engine::http_engine(events& to) : parser_(std::make_unique<parser>(to)) {
  reset();
}

http_engine::~http_engine() = default;

void http_engine::reset() {
  http_parser_init(&parser_->raw, HTTP_REQUEST);
  parser_->raw.data = parser_.get();
  parser_->is_complete = false;
}

http_engine::outcome http_engine::feed(std::string_view bytes) {
  http_parser& raw = parser_->raw;
  const std::size_t consumed = http_parser_execute(&raw, &parser::settings(), bytes.data(), bytes.size());
  if (parser_->is_complete) return {consumed, state::complete};
  const bool failed = HTTP_PARSER_ERRNO(&raw) != HPE_OK || consumed != bytes.size();
  return {consumed, failed ? state::failed : state::more};
}

std::string_view http_engine::method() const {
  return http_method_str(static_cast<http_method>(parser_->raw.method));
}

unsigned http_engine::major() const {
  return parser_->raw.http_major;
}

unsigned http_engine::minor() const {
  return parser_->raw.http_minor;
}

http_engine::fault http_engine::why() const {
  switch (HTTP_PARSER_ERRNO(&parser_->raw)) {
    case HPE_OK:
    case HPE_PAUSED:
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
