// SPDX-License-Identifier: MIT
// The files of TLS that actors name: read once for all of them, and kept for a bounded number.
#include "behaviours/streams/stream_loop.hpp"

#include <doctest/doctest.h>

#include <string>

#include "base/clock.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/tls.hpp"
#include "temporary_folder.hpp"

using namespace coppice;
using behaviours::stream_loop;
using behaviours::stream_tls;

namespace {

// Certificates that actors show where they connect to.
class shelf {
 public:
  shelf() {
    REQUIRE(net::tls::initialise());
    const auto authority = net::make_authority(base::wall_now()).value();
    made_ = net::issue_leaf(authority, {"127.0.0.1"}, base::wall_now()).value();
  }
  // Of that name, written now.
  stream_tls shown(const std::string& name) const {
    stream_tls out = named(name);
    folder_.write(name + ".pem", made_.certificate);
    folder_.write(name + "-key.pem", made_.key);
    return out;
  }
  stream_tls named(const std::string& name) const {
    stream_tls out;
    out.files.certificate = folder_.file(name + ".pem");
    out.files.key = folder_.file(name + "-key.pem");
    return out;
  }

 private:
  test::temporary_folder folder_;
  net::certificate_pair made_;
};

} // namespace

TEST_CASE("the same files give the same context, until so many others were named that all are read anew") {
  const shelf in;
  auto loop = base::uv::loop::make().value();
  stream_loop& at = stream_loop::of(loop.raw());
  const auto first = at.tls(in.shown("first")).value().context;
  const auto again = [&] { return at.tls(in.named("first")).value().context; };
  CHECK(again() == first);
  for (std::size_t i = 1; i < stream_loop::most_sources; ++i)
    CHECK(at.tls(in.shown("other" + std::to_string(i))).has_value());
  CHECK(again() == first);
  CHECK(at.tls(in.shown("one more")).has_value());
  CHECK(again() != first);
}

TEST_CASE("files that are not there leave nothing, and are read once they are") {
  const shelf in;
  auto loop = base::uv::loop::make().value();
  stream_loop& at = stream_loop::of(loop.raw());
  CHECK(at.tls(in.named("late")).error().code == base::errc::not_found);
  CHECK(at.tls(in.shown("late")).has_value());
}
