// Listens to the container engine: starts, ends, renames and removals of the server's container and
// volume are known as they happen, and the last ones are kept as evidence. At a start the data
// directory is looked at before there is a server.
// It guarantees: an engine that tells nothing, hangs, floods or talks nonsense changes nothing but
// how soon things are seen; it is asked again with growing pauses.
#pragma once

#include "instance/instance.hpp"
#include "sense/board.hpp"

namespace pgkeel::sense {

/// Which containers and volumes an event is about. Kept while the container is not there.
struct Hosted {
  std::string name;
  std::string id;
  std::string volume;
};
void learn_hosted(const instance::HostingFacts& facts, Hosted& hosted);
[[nodiscard]] bool concerns(const Hosted& hosted, const instance::EngineEvent& event);

/// Runs for as long as the loop. What happened from `since` on, while nobody listened, is kept as
/// well where the engine still knows it; it is evidence only, and nothing is looked at for it.
runtime::Task<void> watch_engine(Board* board, instance::Instance* instance, WallTime since);

}  // namespace pgkeel::sense
