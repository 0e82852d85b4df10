// SPDX-License-Identifier: MIT
// Decides what a request over HTTP may do: from where it may come (Host, Origin), whether it gives the node's
// token, and which rights follow. Constant after its construction; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/protocol.hpp"
#include "control/command_table.hpp"
#include "net/http/http_message.hpp"

namespace coppice::control {

std::string_view text(right which);

// The rights of one request.
class rights {
 public:
  rights() = default;
  explicit rights(const std::vector<right>& given) {
    for (const right one : given) add(one);
  }
  static rights all() { return rights({right::inspect, right::state, right::manage}); }
  bool has(right one) const { return (bits_ & bit(one)) != 0; }
  // The names of the rights in the order of the table: "inspect", "state", "manage".
  std::vector<std::string> names() const;

 private:
  static unsigned bit(right one) { return 1u << static_cast<unsigned>(one); }
  void add(right one) { bits_ |= bit(one); }
  unsigned bits_ = 0;
};

struct access_options {
  std::string token;                // empty: none
  std::vector<right> without_token; // the rights of a reader that gives no token
  std::vector<std::string> hosts;   // names that Host may have, beside addresses and localhost
  bool local_only = true;           // the node listens on a loopback address
  bool has_tls = false;
  std::string token_name{}; // the token's name in the log; never the token itself
};

class access_rules {
 public:
  struct verdict {
    int status = 200; // else 401, 403 or 415, and `why` tells what is wrong
    api::failure why{};
    rights may{};
    bool has_token = false;
  };

  explicit access_rules(access_options options) : options_(std::move(options)) {}

  // Beyond loopback the page and the API are there only with a token and TLS.
  bool is_open() const { return options_.local_only || (options_.has_tls && knows_token()); }
  bool knows_token() const { return !options_.token.empty(); }
  const std::string& token_name() const { return options_.token_name; }
  bool local_only() const { return options_.local_only; }

  verdict judge(const net::http_request& asked) const;
  // Whether the browser says that a page of another origin makes this request by itself: its user has not
  // opened the address. Such a page cannot read the answer, but it could have many answers made, and hold
  // streams open.
  static bool is_of_other_page(const net::http_request& asked);
  // Judges the host alone, which has to be an address, localhost or a name of the node: 200 or 403. The
  // owner of a page can let a name of its own point to the browser's machine, and the page can then ask a
  // server there under that name (DNS rebinding). Such a name is refused.
  verdict judge_host(const net::http_request& asked) const;

 private:
  bool knows_host(std::string_view host) const;

  access_options options_;
};

} // namespace coppice::control
