// SPDX-License-Identifier: MIT
// A store in a file as a newcomer would write it: {put, Key, Value} is on the disk when it is answered; {get,
// Key} returns {ok, Value} or not_found, also after a restart. Waiting for the disk happens on the node's
// pool.
#include <coppice/server.hpp>

#include <fstream>
#include <map>

namespace etf = coppice::etf;

struct settings {
  static constexpr auto etf_form = etf::form::map;
  std::string path;
};
struct put {
  std::string key;
  std::string value;
};
struct get {
  std::string key;
};
using ok = etf::constant<"ok">;
using not_found = etf::constant<"not_found">;

class store : public coppice::server {
 public:
  using calls = std::variant<put, get>;
  void init(const settings& args) {
    path_ = args.path;
    rows_ = blocking_run([path = path_] {
      std::map<std::string, std::string> rows;
      std::ifstream file(path);
      for (std::string key, value; std::getline(file, key, '\t') && std::getline(file, value);)
        rows[key] = value;
      return rows;
    });
  }
  ok handle_call(const put& request) {
    if ((request.key + request.value).find_first_of("\t\n") != std::string::npos)
      throw std::invalid_argument("a tab or a new line in a row");
    blocking_run([path = path_, row = request.key + '\t' + request.value + '\n'] {
      std::ofstream file(path, std::ios::app);
      if (!(file << row << std::flush)) throw std::runtime_error("cannot write " + path);
    });
    rows_[request.key] = request.value;
    return {};
  }
  std::variant<std::pair<ok, std::string>, not_found> handle_call(const get& request) {
    const auto found = rows_.find(request.key);
    if (found == rows_.end()) return not_found{};
    return std::pair(ok{}, found->second);
  }

 private:
  std::string path_;
  std::map<std::string, std::string> rows_;
};
COPPICE_PLUGIN("store", "1.0.0", store);
