// SPDX-License-Identifier: MIT
// Tests when the log reports that a certificate expires: hourly checks, on a clock that only the test moves.
#include "node/environment/certificate_watch.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "heard_log.hpp"
#include "held_clock.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/tls.hpp"
#include "temporary_folder.hpp"

using namespace coppice;
using namespace std::chrono_literals;

namespace {

constexpr base::nanos one_hour = 3600 * base::nanos_per_second;
// The check one hour after the start is the last one before the last two weeks.
constexpr base::nanos lifetime = 14 * net::one_day + one_hour + one_hour / 2;

// One certificate, and the watch that checks it.
class watched {
 public:
  watched() {
    REQUIRE(net::tls::initialise());
    authority_ = net::make_authority(base::wall_now()).value();
    replace();
    source_ =
        net::tls_source::open({folder_.file("node.pem"), folder_.file("key.pem"), "", false, false}).value();
    sources_.add(source_);
    watch_.start(loop_.raw());
  }
  ~watched() { watch_.stop(); }
  watched(const watched&) = delete;
  watched& operator=(const watched&) = delete;

  // Replaces the certificate by one that ends in `lifetime`. The files have new inodes: the kernel's file
  // times are too coarse to tell two writes apart.
  void replace() {
    const auto made = net::issue_leaf(authority_, {"127.0.0.1"}, base::wall_now(), lifetime).value();
    for (const auto& [name, text] : {std::pair("node.pem", made.certificate), std::pair("key.pem", made.key)})
      std::filesystem::rename(folder_.write(std::string("new-") + name, text), folder_.file(name));
  }
  // Lets the watch check once, `later` from now.
  void look(std::chrono::hours later) {
    clock_.advance(later);
    loop_.turn(false);
  }
  bool ends_soon() {
    const auto all = watch_.all();
    REQUIRE(all.size() == 1);
    return all.front().soon;
  }
  std::ptrdiff_t told_of_the_last_weeks() {
    return log_.count("net: the certificate " + file() + " expires on");
  }
  std::ptrdiff_t told_of_the_end() {
    return log_.count("net: the certificate " + file() + " has expired on");
  }

 private:
  std::string file() const { return folder_.file("node.pem"); }

  test::held_clock clock_;
  test::heard_log log_;
  test::temporary_folder folder_;
  base::uv::loop loop_ = base::uv::loop::make().value();
  net::certificate_pair authority_;
  std::shared_ptr<net::tls_source> source_;
  net::tls_sources sources_;
  node::certificate_watch watch_{sources_};
};

} // namespace

TEST_CASE("the log tells once that a certificate is in its last two weeks, and once that it has ended" *
          doctest::skip(!test::can_hold_clock())) {
  watched one;
  CHECK_FALSE(one.ends_soon());
  one.look(1h);
  CHECK(one.told_of_the_last_weeks() == 0);
  for (int hour = 0; hour < 3; ++hour) {
    one.look(1h);
    CHECK(one.ends_soon());
    CHECK(one.told_of_the_last_weeks() == 1);
  }
  CHECK(one.told_of_the_end() == 0);
  for (const std::chrono::hours later : {14 * 24h, 1h, 24h}) {
    one.look(later);
    CHECK(one.told_of_the_end() == 1);
  }
  CHECK(one.told_of_the_last_weeks() == 1);
}

TEST_CASE("the log tells the end of a certificate again when its successor ends" *
          doctest::skip(!test::can_hold_clock())) {
  watched one;
  one.look(2h);
  CHECK(one.told_of_the_last_weeks() == 1);
  one.replace();
  CHECK_FALSE(one.ends_soon());
  one.look(1h);
  CHECK(one.told_of_the_last_weeks() == 1);
  one.look(1h);
  CHECK(one.told_of_the_last_weeks() == 2);
}
