// SPDX-License-Identifier: MIT
// The plugin whose package `packaging/dev packaged` makes. VERSION is replaced by the package's version.
#include <coppice/server.hpp>

struct hello {
  std::string name;
};

class greeter : public coppice::server {
 public:
  std::string handle_call(const hello& request) { return "hello VERSION, " + request.name; }
};
COPPICE_PLUGIN("hello", "VERSION.0.0", greeter);
