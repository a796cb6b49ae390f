// Where else a server's data is in use: when the configured container is not there, another one may
// have its volume, because a project or a container was renamed.
// It guarantees: only reads; anchors are no servers and are left out; so many containers and no
// more.
#pragma once

#include <vector>

#include "instance/engine.hpp"
#include "instance/instance.hpp"

namespace pgkeel::instance {

inline constexpr std::size_t kOtherContainersMax = 64;  // of one host; each costs a question

/// Every container of the engine in which a mount holds a data directory, running or not. Empty
/// when the engine does not answer.
runtime::Task<std::vector<OtherContainer>> find_other_containers(const Engine* engine);

}  // namespace pgkeel::instance
