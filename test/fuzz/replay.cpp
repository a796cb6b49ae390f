// Runs a fuzz target over files, so that what a fuzzer once found stays tested in every build.
// Takes files and directories; a path that does not exist is an error, an empty directory is not.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "fuzz/fuzz_input.hpp"

namespace {

void replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  file.exceptions(std::ios::badbit);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

int replay_all(int count, char** paths) {
  int replayed = 0;
  for (int i = 1; i < count; ++i) {
    if (std::filesystem::is_regular_file(paths[i])) {
      replay(paths[i]);
      ++replayed;
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(paths[i])) {
      replay(entry.path());
      ++replayed;
    }
  }
  LLVMFuzzerTestOneInput(nullptr, 0);
  std::printf("replayed %d files\n", replayed);
  return 0;
}

}  // namespace

int main(int count, char** paths) {
  try {
    return replay_all(count, paths);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "replay: %s\n", failure.what());
    return 1;
  }
}
