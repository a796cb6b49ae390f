// The real binary, run from a test: in a directory of its own, with nothing of the tester's
// environment that would configure it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/process.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::test {

struct Ran {
  int exit_code = -1;
  std::string out;
  std::string err;
};

using Environment = std::vector<std::pair<std::string, std::string>>;

class Binary {
 public:
  Binary();

  [[nodiscard]] const std::filesystem::path& dir() const { return dir_.path(); }
  void write(std::string_view name, std::string_view text) const;
  /// Runs `pgkeel ARGS` in dir(); a program that does not end within the patience of tests fails.
  [[nodiscard]] Ran run(const std::vector<std::string>& args,
                        const Environment& environment = {}) const;
  /// The same for a program that a fault point ends with SIGKILL; false when it ended otherwise.
  [[nodiscard]] bool is_killed(const std::vector<std::string>& args,
                               const Environment& environment) const;
  /// Names of everything in dir(), to prove that nothing was changed.
  [[nodiscard]] std::vector<std::string> listing() const;

 private:
  [[nodiscard]] Result<runtime::ProcessOutput> execute(const std::vector<std::string>& args,
                                                       const Environment& environment) const;
  TempDir dir_;
};

}  // namespace pgkeel::test
