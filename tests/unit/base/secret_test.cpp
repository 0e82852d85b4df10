// SPDX-License-Identifier: MIT
// Secrets are read from regular files that are not readable by everybody, and from systemd's credentials.
#include "base/secret.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "temporary_folder.hpp"

using namespace coppice;
using base::secret;

namespace {

std::string write(const test::temporary_folder& folder, const std::string& name, const std::string& text,
                  mode_t mode = 0600) {
  const std::string path = folder.path() + "/" + name;
  std::ofstream(path) << text;
  REQUIRE(chmod(path.c_str(), mode) == 0);
  return path;
}

secret in_file(const std::string& path) {
  return {secret::source::file, path, "args.password"};
}

// The error's text.
std::string refused(const secret& of) {
  const auto text = base::read_secret(of);
  REQUIRE(!text.has_value());
  return text.error().text;
}

} // namespace

TEST_CASE("a secret is the text of its file without one newline, as it is when it is asked for") {
  test::temporary_folder folder;
  const std::string path = write(folder, "password", "hunter2\n\n", 0640);
  CHECK(base::read_secret(in_file(path)).value() == "hunter2\n");
  write(folder, "password", std::string("\0\xff", 2), 0440);
  CHECK(base::read_secret(in_file(path)).value() == std::string("\0\xff", 2));
  write(folder, "password", std::string(base::most_of_secret, 'x'));
  CHECK(base::read_secret(in_file(path)).value().size() == base::most_of_secret);
}

TEST_CASE("a file that is no secret is refused by its path, without a word of what it says") {
  test::temporary_folder folder;
  CHECK(refused(in_file(folder.path() + "/none")) ==
        "args.password: open " + folder.path() + "/none: No such file or directory");
  CHECK(refused(in_file(folder.path())).find("it is no regular file") != std::string::npos);
  const std::string pipe = folder.path() + "/pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(refused(in_file(pipe)) == "args.password: " + pipe + ": it is no regular file");
  CHECK(refused(in_file(write(folder, "empty", "\n"))).find("is empty") != std::string::npos);
  const std::string open = write(folder, "open", "hunter2", 0644);
  CHECK(refused(in_file(open)) ==
        "args.password: " + open +
            ": every user of the machine may access it (mode 644 now): chmod o= " + open);
  const std::string large = write(folder, "large", std::string(base::most_of_secret + 1, 'x'));
  CHECK(refused(in_file(large)).find("larger than 65536 bytes") != std::string::npos);
}

TEST_CASE("a credential is a file in the folder that systemd names") {
  test::temporary_folder folder;
  const secret db{secret::source::credential, "db", "args.list[1]"};
  unsetenv("CREDENTIALS_DIRECTORY");
  CHECK(refused(db).find("args.list[1]: credential db: no CREDENTIALS_DIRECTORY") == 0);
  setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1);
  CHECK(refused(db).find("No such file") != std::string::npos);
  write(folder, "db", "hunter2\n", 0444);
  CHECK(base::read_secret(db).value() == "hunter2");
  for (const char* name : {"../db", "x/../db", "..", "."})
    CHECK(refused({secret::source::credential, name, "args.x"}).find("is no name of a credential") !=
          std::string::npos);
  CHECK(refused(in_file("db")) == "args.password: db: is no absolute path");
  unsetenv("CREDENTIALS_DIRECTORY");
}
