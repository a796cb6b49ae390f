// What a command changes in the server by itself, told to the guard's journal before and after:
// who, when, what. Without a guard the change is made all the same, because the operator asked for
// it, and that nobody noted it is said.
#pragma once

#include <string>

#include "app/config.hpp"
#include "base/result.hpp"

namespace pgkeel::app {

class Journaling {
 public:
  /// `what` is one of serve::kChangesNoted.
  Journaling(const Config& config, std::string what) : config_(config), what_(std::move(what)) {}

  /// The intent; returns when it is on disk, or cannot be.
  void begin(const std::string& subject);
  void end(const std::string& subject, const Error* failure);

 private:
  void note(const std::string& subject, std::string detail);

  const Config& config_;
  std::string what_;
  bool told_ = false;  ///< that nobody notes it
};

}  // namespace pgkeel::app
