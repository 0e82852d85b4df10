// SPDX-License-Identifier: MIT
// pages: answers requests of a web server as the path's parameter `what` says; otherwise the answer repeats
// the request, a line for each part. `slow` is never answered, `crash` throws.
#include <coppice/server.hpp>

#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pages {

namespace etf = coppice::etf;

using pairs = std::vector<std::pair<std::string, std::string>>;

struct asked {
  static constexpr etf::form etf_form = etf::form::map;
  std::string method;
  std::string path;
  std::map<std::string, std::string> params;
  pairs query;
  pairs headers;
  std::string body;
  std::string peer;
  std::string version;
};
struct http {
  asked request;
};

using text_list = std::vector<std::string>;
using whole = std::tuple<std::int64_t, pairs, std::string>;
using brief = std::tuple<std::int64_t, std::string>;
using pieces = std::tuple<std::int64_t, std::vector<std::pair<std::string, text_list>>, text_list>;

std::string told(const asked& request) {
  std::string out = request.method + " " + request.path + "\n";
  for (const auto& [name, value] : request.params) out += "param " + name + "=" + value + "\n";
  for (const auto& [name, value] : request.query) out += "query " + name + "=" + value + "\n";
  for (const auto& [name, value] : request.headers) out += "header " + name + "=" + value + "\n";
  return out + "peer " + request.peer + "\nversion " + request.version + "\nbody " + request.body + "\n";
}

class pages_server : public coppice::server {
 public:
  void handle_call(const http& m, coppice::term from) {
    const auto found = m.request.params.find("what");
    const std::string what = found == m.request.params.end() ? "" : found->second;
    if (what == "slow") return;
    if (what == "crash") throw std::runtime_error("a handler that crashes");
    if (what == "brief") return give(from, brief{201, "made"});
    if (what == "pieces") return give(from, pieces{200, {{"x-list", {"a", "b"}}}, {"one ", "two"}});
    if (what == "none") return give(from, brief{204, ""});
    if (what == "status") return give(from, brief{99, "x"});
    if (what == "split") return give(from, whole{200, {{"x-split", "a\r\nSet-Cookie: b"}}, "x"});
    if (what == "name") return give(from, whole{200, {{"a b", "c"}}, "x"});
    if (what == "large") return give(from, brief{200, std::string(3 << 20, 'x')});
    if (what == "number") return give(from, std::int64_t{7});
    if (what == "tagged")
      return give(from, whole{200, {{"ETag", "\"v1\""}, {"Cache-Control", "no-cache"}}, "tagged"});
    if (what == "long")
      return give(from,
                  whole{200, {{"ETag", "\"v1\""}, {"Content-Type", "text/plain"}}, std::string(3000, 'x')});
    if (what == "dated")
      return give(from, whole{200, {{"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}}, "dated"});
    if (what == "own")
      return give(from,
                  whole{200,
                        {{"Content-Length", "9"}, {"Connection", "close"}, {"X-Frame-Options", "SAMEORIGIN"}},
                        "x"});
    give(from, whole{200, {{"content-type", "text/plain"}}, told(m.request)});
  }

 private:
  template <class T>
  void give(coppice::term from, const T& answer) {
    static_cast<void>(reply(from, answer));
  }
};

} // namespace pages

COPPICE_PLUGIN("pages", "1.0.0", pages::pages_server);
