// SPDX-License-Identifier: MIT
// Tests of a partial way back: the named files have the text with which they were applied, and the other
// files
// have their present text.
#include "node/environment/partial_files.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace coppice;

namespace {

using list = std::vector<std::string>;

const std::vector<spec::file_text> ran{
    {"/e/node.yaml", "n"}, {"/e/conf.d/b.yaml", "b"}, {"/e/conf.d/d.yaml", "d"}};

// The resulting files. A file with its former text has the text behind it, as "FILE=TEXT".
list former(const list& files, const list& named) {
  const auto made = node::with_former(files, ran, named);
  if (!made) return {"refused: " + made.error().text};
  list out;
  for (const std::string& file : made->files) {
    std::string text;
    for (const spec::file_text& one : made->texts)
      if (one.name == file) text = "=" + one.text;
    out.push_back(file + text);
  }
  return out;
}

} // namespace

TEST_CASE("a named file says what it said when it was applied, the others what they say now") {
  const list files{"/e/node.yaml", "/e/conf.d/b.yaml", "/e/conf.d/d.yaml"};
  CHECK(former(files, {"/e/conf.d/b.yaml"}) ==
        list{"/e/node.yaml", "/e/conf.d/b.yaml=b", "/e/conf.d/d.yaml"});
  CHECK(former(files, {"/e/conf.d/../conf.d/d.yaml", "/e/node.yaml"}) ==
        list{"/e/node.yaml=n", "/e/conf.d/b.yaml", "/e/conf.d/d.yaml=d"});
}

TEST_CASE("a named file that is new is left out, one that is gone is back where it was") {
  CHECK(former({"/e/node.yaml", "/e/conf.d/b.yaml", "/e/conf.d/c.yaml", "/e/conf.d/d.yaml"},
               {"/e/conf.d/c.yaml"}) == list{"/e/node.yaml", "/e/conf.d/b.yaml", "/e/conf.d/d.yaml"});
  CHECK(former({"/e/node.yaml", "/e/conf.d/d.yaml"}, {"/e/conf.d/b.yaml"}) ==
        list{"/e/node.yaml", "/e/conf.d/b.yaml=b", "/e/conf.d/d.yaml"});
  CHECK(former({"/e/node.yaml"}, {"/e/conf.d/b.yaml", "/e/conf.d/d.yaml"}) ==
        list{"/e/node.yaml", "/e/conf.d/b.yaml=b", "/e/conf.d/d.yaml=d"});
}

TEST_CASE("a file that is none of the configuration's is refused by its name") {
  CHECK(former({"/e/node.yaml"}, {"/e/conf.d/x.yaml"}) ==
        list{"refused: /e/conf.d/x.yaml is no file of the node's configuration"});
}
