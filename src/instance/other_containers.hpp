// Where else a server's data is in use: when the configured container is not there, another one may
// have its volume, because a project or a container was renamed.
// It guarantees: only reads; anchors are no servers and are left out; so many containers and no
// more.
#pragma once

#include <string>
#include <vector>

#include "instance/engine.hpp"
#include "instance/instance.hpp"

namespace pgkeel::instance {

inline constexpr std::size_t kOtherContainersMax = 64;  // of one host; each costs a question

class OtherContainers {
 public:
  /// Every container of the engine in which a mount holds a data directory, running or not. Empty
  /// when the engine does not answer. They are asked one by one only when the engine's list is
  /// another one than before, and else seldom.
  runtime::Task<std::vector<OtherContainer>> find(const Engine* engine, SteadyTime now);

 private:
  std::string list_;
  SteadyTime asked_at_;
  std::vector<OtherContainer> found_;
};

}  // namespace pgkeel::instance
