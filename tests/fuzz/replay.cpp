// SPDX-License-Identifier: MIT
// Replaces libFuzzer in ordinary builds: gives the target an empty input and then every file of the folder in
// its argument, in order of names, so that what fuzzing once found stays found. One thread.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  std::vector<fs::path> seeds;
  if (argc > 1) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(argv[1], none)) seeds.push_back(entry.path());
  }
  std::sort(seeds.begin(), seeds.end());
  LLVMFuzzerTestOneInput(nullptr, 0);
  for (const auto& seed : seeds) {
    std::printf("# %s\n", seed.filename().c_str());
    std::fflush(stdout);
    std::ifstream file(seed, std::ios::binary);
    std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  std::printf("ok 1 - %zu seeds and an empty input\n1..1\n", seeds.size());
}
