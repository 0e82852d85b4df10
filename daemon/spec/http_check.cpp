// SPDX-License-Identifier: MIT
// See http_check.hpp.
#include "spec/http_check.hpp"

#include "base/socket_address.hpp"

namespace coppice::spec {

void check_http(report& to, const node& root, const control_options& control) {
  const node* const http = value_of(value_of(&root, "control"), "http");
  if (http == nullptr || !control.http) return;
  const http_options& options = *control.http;
  const node* const token = value_of(http, "token");
  const auto address = base::socket_address::parse(options.address, options.port);
  if (!address || address->is_loopback()) return;
  const bool has_tls = options.tls.how != tls_spec::mode::off;
  if (token != nullptr && has_tls) return;
  const std::string missing = token != nullptr ? "tls" : has_tls ? "a token" : "a token and tls";
  const std::string remedy =
      token != nullptr ? "tls: { certificate: /etc/coppice/node.pem, key: /etc/coppice/node.key }, or tls: on"
                       : "token: { file: /etc/coppice/token }";
  const node* const rights = value_of(http, "rights");
  const bool wants_neither = token == nullptr && !has_tls;
  if (rights != nullptr && !options.rights.empty())
    to.error(rights->at, "control.http.rights: beyond loopback rights need " + missing, remedy);
  else if (rights == nullptr || !wants_neither)
    to.warning(http->at, "control.http: beyond loopback there is no page and no API without " + missing,
               wants_neither ? remedy + " and tls: on; or rights: [], if only metrics and probes are wanted"
                             : remedy);
}

} // namespace coppice::spec
