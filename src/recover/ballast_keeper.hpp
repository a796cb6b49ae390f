// Makes the ballast (ballast.hpp) while all is well, and again when there is room after it was
// given up.
#pragma once

#include <map>

#include "recover/playbook.hpp"

namespace pgkeel::recover {

class BallastKeeper {
 public:
  explicit BallastKeeper(Services& services) : services_(services) {}
  /// Runs until stop is requested; at once over when no ballast is wanted or possible.
  runtime::Task<void> run(std::stop_token stop);

 private:
  runtime::Task<void> look();
  Services& services_;
  std::map<std::filesystem::path, std::string> problems_;  ///< each said once
};

}  // namespace pgkeel::recover
