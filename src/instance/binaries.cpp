// See binaries.hpp.
#include "instance/binaries.hpp"

#include <unistd.h>
#include <charconv>
#include <string>

#include "pg/control_file.hpp"
#include "runtime/process.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr Millis kVersionTimeout{10'000};  // printing one line; more means the disk is gone

bool is_program(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::vector<fs::path> usual_bin_dirs(int major) {
  const std::string number = std::to_string(major);
  return {"/usr/lib/postgresql/" + number + "/bin",  // Debian, Ubuntu
          "/usr/pgsql-" + number + "/bin",           // Red Hat and kin, PGDG packages
          "/usr/lib/postgresql" + number + "/bin",   // SUSE
          "/usr/libexec/postgresql" + number,        // Alpine
          "/opt/postgresql/" + number + "/bin"};
}

Result<fs::path> find_bin_dir(int major) {
  std::string tried;
  for (const fs::path& dir : usual_bin_dirs(major)) {
    if (is_program(dir / "postgres")) return dir;
    tried += (tried.empty() ? "" : ", ") + dir.string();
  }
  return fail(ErrorCode::MissingBinary,
              "no server programs of PostgreSQL " + std::to_string(major) + " found in " + tried);
}

Result<fs::path> find_newest_bin_dir() {
  for (int major = pg::kMajorMax; major >= pg::kMajorMin; --major)
    if (auto found = find_bin_dir(major)) return found;
  return fail(ErrorCode::MissingBinary, "no PostgreSQL server of version " +
                                            std::to_string(pg::kMajorMin) + " to " +
                                            std::to_string(pg::kMajorMax) + " is installed");
}

Result<fs::path> program_in(const fs::path& bin_dir, std::string_view program) {
  fs::path path = bin_dir / program;
  if (!is_program(path))
    return fail(ErrorCode::MissingBinary, path.string() + " is no executable program");
  return path;
}

Result<int> parse_server_version(std::string_view line) {
  constexpr std::string_view kBefore = "(PostgreSQL) ";
  const auto at = line.find(kBefore);
  int major = 0;
  if (at != std::string_view::npos) {
    const std::string_view number = line.substr(at + kBefore.size());
    std::from_chars(number.data(), number.data() + number.size(), major);
  }
  if (major > 0) return major;
  return fail(ErrorCode::Malformed,
              "no PostgreSQL version in \"" + std::string(line.substr(0, 80)) + "\"");
}

runtime::Task<Result<int>> read_server_major(runtime::Loop& loop, fs::path bin_dir) {
  CO_TRY(program, program_in(bin_dir, "postgres"));
  runtime::ProcessSpec spec;
  spec.argv = {program.string(), "--version"};
  CO_TRY(output, co_await runtime::run_process(loop, std::move(spec), loop.after(kVersionTimeout)));
  if (!output.exit.ok())
    co_return fail(ErrorCode::ChildFailed, program.string() + " --version ended with " +
                                               output.exit.describe() + ": " + output.err);
  co_return parse_server_version(output.out);
}

}  // namespace pgkeel::instance
