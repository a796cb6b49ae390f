// A command that runs until the object goes: `pgkeel receive` beside a test.
#pragma once

#include <string>
#include <vector>

#include "integration/app/binary.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"

namespace pgkeel::test {

class Background {
 public:
  Background(const Binary& binary, std::vector<std::string> args);
  /// SIGTERM, and waits; SIGKILL when that does not help.
  ~Background();
  /// It gets no chance to clean up; waited for.
  void kill();
  /// How it ended; throws when it does not within kPatience.
  runtime::ExitStatus await_end();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

 private:
  runtime::Loop loop_;
  std::optional<runtime::ProcessHandle> process_;
};

}  // namespace pgkeel::test
